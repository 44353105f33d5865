"""Assemblies tab: how often and how long each is on, bimodality, density, regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.viewer.parts.short_table import Number, ShortTable
from napari_crbm.viewer.parts.style import text_label

if TYPE_CHECKING:
    from napari_crbm.analysis import BrainStates
    from napari_crbm.viewer.state.workspace import Workspace

# Column of the merged table, heading, how it is written, tooltip.
_UNIT_COLUMNS = (
    ("assembly", "#", "{:.0f}", "Number of the assembly."),
    ("fraction_on", "On %", "{:.1f}", "Share of frames in which the assembly is on."),
    ("on_s", "On (s)", "{:.1f}", "Median duration of its on-episodes."),
    ("off_s", "Off (s)", "{:.1f}", "Median duration between on-episodes."),
    ("bimodal", "Bi-\nmodal", "{}", "Bimodality coefficient above 5/9: two clear states."),
    (
        "times_denser",
        "Dense",
        "{:.1f}",
        "Spatial density of its members relative to random neurons.",
    ),
    ("n_regions", "Regions", "{:.1f}", "Effective number of regions of its members."),
)


class UnitTable(QWidget):
    """Sortable table with one row per assembly; a click selects it.

    Parameters
    ----------
    workspace : Workspace
        Assemblies are selected in it.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.table = ShortTable(
            [heading for _, heading, _, _ in _UNIT_COLUMNS],
            widths=dict(enumerate((30, 50, 46, 48, 40, 46))),
        )
        for place, (_, _, _, tip) in enumerate(_UNIT_COLUMNS):
            self.table.horizontalHeaderItem(place).setToolTip(tip)
        self.table.setSortingEnabled(True)
        self.table.cellClicked.connect(
            lambda row, _: workspace.choose_assembly(int(self.table.item(row, 0).text()))
        )
        self.where = text_label("")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.where)
        column.addWidget(self.table, 1)

    def show_states(self, states: BrainStates) -> None:
        """Show the states of a recording."""
        self.where.setText(states.locality.verdict)
        table = states.table.join(states.locality.table).reset_index()
        self.table.setSortingEnabled(False)
        self.table.setColumnHidden(len(_UNIT_COLUMNS) - 1, "n_regions" not in table)
        table["fraction_on"] *= 100
        self.table.fill(
            [
                [
                    Number(values.get(name, float("nan")), pattern)
                    for name, _, pattern, _ in _UNIT_COLUMNS
                ]
                for _, values in table.iterrows()
            ]
        )
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
