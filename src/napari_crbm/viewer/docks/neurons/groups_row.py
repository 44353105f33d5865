"""Named groups of neurons: keep the chosen neurons as one, choose one, compare two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QInputDialog,
    QLabel,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import GroupComparison, compare_groups, strongest_neurons
from napari_crbm.labels import Label, NeuronGroup
from napari_crbm.viewer.home import Home
from napari_crbm.viewer.parts.short_table import ShortTable
from napari_crbm.viewer.parts.style import button, count_box, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_CHOSEN = "the chosen neurons"
_MOST_ROWS = 60


class GroupsRow(QWidget):
    """Fields and buttons for named groups of neurons.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.workspace = home.workspace
        self.groups = QComboBox()
        self.groups.setAccessibleName("Group")
        self.groups.setToolTip("Choose the neurons of a group that you have kept.")
        self.groups.activated.connect(self._choose)
        self.keep = button(
            "Keep as...",
            "Give the chosen neurons a name, to find them again. Groups are written into the\n"
            "file when you save the model.",
            self.ask_name,
        )
        self.remove = button("Remove", "Remove this group from the list.", self._remove)
        self.other = QComboBox()
        self.other.setAccessibleName("Compare with")
        self.other.setToolTip("Group B of the comparison; A is the chosen neurons.")
        self.compare = button(
            "Compare",
            "Compare activity, regions and assemblies of the chosen neurons (A) and that group "
            "(B).",
            self._compare,
        )
        self.n_top: QSpinBox = count_box(1, 1_000_000, 100, "Number of neurons.", step=10)
        self.n_top.setAccessibleName("Number of neurons with the largest values")
        self.top = button(
            "Choose top",
            "Choose the neurons with the largest values of the present colouring (Anatomy, Tuning\n"
            "and Statistics docks colour neurons).",
            self.choose_top,
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        for row, parts in enumerate(
            (
                (QLabel("Group"), self.groups, self.keep, self.remove),
                (QLabel("Compare with"), self.other, self.compare),
                (QLabel("By colour"), self.n_top, self.top),
            )
        ):
            for column, part in enumerate(parts):
                grid.addWidget(part, row, column)
        follow(self, self.workspace.labels.changed, self._show)
        follow(self, self.workspace.neurons_changed, self._show)
        follow(self, self.workspace.colouring_changed, self._show)
        follow(self, self.workspace.recording_changed, self._show)
        self._show()

    # --- what is shown ----------------------------------------------------------------------

    def _show(self) -> None:
        groups, neurons = self.workspace.labels.labels.groups, self.workspace.neurons
        same = [name for name, g in groups.items() if np.array_equal(g.neurons, neurons)]
        others = [name for name in groups if name not in same]
        shown = self.other.currentText()
        for box, names in (
            (self.groups, [_CHOSEN if len(neurons) else "none", *groups]),
            (self.other, others),
        ):
            box.clear()
            box.addItems(names)
        if same:
            self.groups.setCurrentText(same[0])
        if shown in others:
            self.other.setCurrentText(shown)
        self.keep.setEnabled(len(neurons) > 0)
        self.remove.setEnabled(bool(same))
        can_compare = bool(others) and len(neurons) > 0
        self.other.setEnabled(can_compare)
        self.compare.setEnabled(can_compare)
        colouring = self.workspace.colouring
        self.top.setEnabled(colouring is not None and colouring.values is not None)

    # --- actions ----------------------------------------------------------------------------

    def _choose(self, row: int) -> None:
        group = self.workspace.labels.labels.groups.get(self.groups.itemText(row))
        if group is not None:
            self.workspace.choose_neurons(group.neurons)

    def ask_name(self) -> QInputDialog:
        """Open a dialog for the name of the group, without blocking the window."""
        dialog = QInputDialog(self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Keep the chosen neurons")
        dialog.setLabelText(f"Name of the group of {len(self.workspace.neurons):,} neurons")
        dialog.setTextValue(self._proposed())
        dialog.textValueSelected.connect(self.keep_as)
        dialog.open()
        return dialog

    def _proposed(self) -> str:
        taken = self.workspace.labels.labels.groups
        number = next(k for k in range(1, len(taken) + 2) if f"Group {k}" not in taken)
        return f"Group {number}"

    def keep_as(self, name: str) -> None:
        """Keep the chosen neurons as a group of this name; nothing without a name."""
        if name.strip() and len(self.workspace.neurons):
            old = self.workspace.labels.labels.groups.get(name.strip())
            label = Label(name) if old is None else replace(old.label, name=name)
            self.workspace.labels.add_group(NeuronGroup(self.workspace.neurons, label))

    def _remove(self) -> None:
        if self.groups.currentText() in self.workspace.labels.labels.groups:
            self.workspace.labels.remove_group(self.groups.currentText())

    def choose_top(self) -> None:
        """Choose the neurons with the largest values of the present colouring."""
        colouring = self.workspace.colouring
        if colouring is not None and colouring.values is not None:
            self.workspace.choose_neurons(strongest_neurons(colouring.values, self.n_top.value()))

    def _compare(self) -> None:
        recording, trained = self.workspace.recording, self.workspace.trained
        group = self.workspace.labels.labels.groups.get(self.other.currentText())
        if recording is None or group is None:
            return
        chosen, model = self.workspace.neurons, None if trained is None else trained.model
        self.home.run(
            "Comparing two groups",
            lambda _: compare_groups(recording, chosen, group.neurons, model),
            lambda found: self._show_comparison(found, group.name),
            owner=self,
        )

    def _show_comparison(self, found: GroupComparison, name: str) -> None:
        dialog = ComparisonDialog(found, self.groups.currentText(), name, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()


class ComparisonDialog(QDialog):
    """What distinguishes two groups: a sentence, and tables of regions and assemblies.

    Parameters
    ----------
    found : GroupComparison
    a, b : str
        Names of the groups.
    parent : QWidget
    """

    def __init__(self, found: GroupComparison, a: str, b: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Two groups of neurons")
        self.resize(520, 480)
        layout = QVBoxLayout(self)
        self.text = text_label(f"<b>A: {a}. B: {b}.</b> {found}")
        layout.addWidget(self.text)
        self.tabs = QTabWidget()
        for title, heading, table in (
            ("Assemblies", "Assembly", found.assemblies),
            ("Regions", "Region", found.regions),
        ):
            shown = ShortTable([heading, "In A", "In B", "q"], texts=(0,))
            shown.setAccessibleName(title)
            shown.setToolTip(
                "Share of the neurons of A and of B, with their number. q: false discovery rate of "
                "the difference\n(Fisher's exact test without neurons in both groups; Benjamini "
                "and Hochberg)."
            )
            shown.fill([_row(each) for each in table.head(_MOST_ROWS).to_dict(orient="records")])
            self.tabs.addTab(shown, title)
            self.tabs.setTabVisible(self.tabs.count() - 1, len(table) > 0)
        layout.addWidget(self.tabs, 1)


def _row(values: dict[str, Any]) -> tuple[str, ...]:
    shares = [
        f"{100 * values[f'share_{side}']:.0f} % ({values[f'n_{side}']:,})" for side in ("a", "b")
    ]
    q = values["q"]
    return (str(values["name"]), *shares, "<0.001" if q < 0.001 else f"{q:.2g}")
