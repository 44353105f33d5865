"""The *Assemblies* dock: table, gallery, threshold on weights, activity traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QItemSelection, QItemSelectionModel, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.palette import weight_limit
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.docks.assemblies.definition import DefinitionBox
from napari_crbm.viewer.docks.assemblies.gallery import Gallery, Thumbnails
from napari_crbm.viewer.docks.assemblies.in_regions import found_in, neurons_in
from napari_crbm.viewer.docks.assemblies.label_row import LabelRow
from napari_crbm.viewer.docks.assemblies.table import AssemblyTable
from napari_crbm.viewer.docks.assemblies.table_model import AssemblyFilter, AssemblyTableModel
from napari_crbm.viewer.docks.assemblies.traces import ActivityTraces
from napari_crbm.viewer.docks.assemblies.undo_buttons import UndoButtons
from napari_crbm.viewer.docks.open import raise_dock
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.assembly_key import assembly_key
from napari_crbm.viewer.parts.style import (
    SignedScale,
    button,
    follow_theme,
    link,
    page,
    text_label,
)
from napari_crbm.viewer.parts.widget_lifetime import follow

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No assemblies yet. Train a model (Train dock) or open one."
_TRAINING = (
    "A training is running: the canvas shows its assemblies as they form. Table and gallery show "
    "the previous model until the training ends."
)
_FIRST_TRAINING = (
    "A training is running: the canvas shows assembly {} as it forms. Table and gallery appear "
    "when the training ends."
)
_OPENING = "The canvas shows assembly {} of the model. Its activity is being computed ..."
_CHOOSE = "Choose an assembly to show its members on the canvas."
_CLICK_HINT = "Click a neuron on the canvas to see its assemblies."
_MOST_PERCENT = 90
_MOST_LISTED = 8


class AssembliesWidget(QWidget):
    """All assemblies of the model; the selection is the same here and on the canvas."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._syncing = False

        self.message = text_label(_NO_RECORDING)
        self.evidence = text_label("")
        self.halves = button(
            "Check with two halves...",
            "Train on two halves of the recording and mark the assemblies that are found in both "
            "(Reproducibility dock).",
            lambda: raise_dock(self.home.viewer, "Reproducibility"),
        )
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter by region, number, name or tag")
        self.filter.setClearButtonEnabled(True)
        self.filter.setToolTip(
            "Name of a region, or part of it, lists the assemblies with 10 % or more of their\n"
            "members there; a number lists that assembly. While the Anatomy dock shows only\n"
            "neurons in ticked regions, only assemblies with 10 % or more there are listed."
        )
        self.model = AssemblyTableModel()
        self.proxy = AssemblyFilter(self.model)
        self.filter.textChanged.connect(self._list_by_region)
        self.table = AssemblyTable(self.model, self.proxy)
        self.table.selectionModel().selectionChanged.connect(self._on_rows)

        self.title = text_label("")
        self.scale = SignedScale(self.workspace.palette)
        self.scale.setToolTip("Weights of the members: orange if positive, blue if negative.")
        self.traces = ActivityTraces(self.home.viewer, self.workspace)

        self.neuron_text = text_label(_CLICK_HINT)
        self.neuron_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        follow_theme(self, self.home.viewer, lambda _: self._show_neuron())
        self.neuron_text.linkActivated.connect(self._on_link)

        self.gallery = Gallery(self.proxy)
        self.gallery.setSelectionModel(self.table.selectionModel())
        self.tabs = QTabWidget()
        self.tabs.addTab(self.table, "Table")
        self.tabs.addTab(self.gallery, "Gallery")
        self.more_columns = QLabel()
        self.tabs.setCornerWidget(self.more_columns)
        self.table.fitted.connect(self._show_hidden_columns)
        splitter = QSplitter(Qt.Orientation.Vertical)
        for parts in (
            (self.evidence, self.halves, self._make_filter(), self.tabs),
            (
                *(self._titled_scale(), LabelRow(self.workspace), self._make_threshold()),
                *(self.traces, self.neuron_text),
            ),
        ):
            pane = QWidget()
            column = QVBoxLayout(pane)
            column.setContentsMargins(0, 0, 0, 0)
            for part in parts:
                column.addWidget(part, 1 if part in (self.tabs, self.traces) else 0)
            splitter.addWidget(pane)
        splitter.setSizes([430, 260])
        splitter.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.body = splitter
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(splitter, 1)

        follow(self, self.workspace.recording_changed, self._show_table)
        follow(self, self.workspace.trained_changed, self._show_table)
        self.home.runs.training_changed.connect(self._show_message)
        follow(self, self.workspace.forming_changed, self._show_message)
        follow(self, self.workspace.assembly_changed, self._show_message)
        follow(self, self.workspace.assembly_changed, self._show_assembly)
        follow(self, self.workspace.threshold_changed, self._show_threshold)
        follow(self, self.workspace.region_view.changed, self._show_title)
        follow(self, self.workspace.region_view.changed, self._list_by_region)
        follow(self, self.workspace.neuron_changed, self._show_neuron)
        follow(self, self.workspace.palette_changed, self._on_palette)
        follow(self, self.workspace.labels.changed, self._show_labels)
        self._show_table()
        self._show_threshold()
        self._show_neuron()

    def _list_by_region(self) -> None:
        """List only assemblies in the regions of the filter, and in those that are shown alone."""
        trained, recording = self.workspace.trained, self.workspace.recording
        regions = None if recording is None else recording.regions
        named = neurons_in(self.filter.text(), regions)
        self.proxy.search("" if named is not None else self.filter.text())
        places = [
            place
            for place in (named, self.workspace.region_view.shown_neurons)
            if place is not None
        ]
        if trained is None or not places:
            self.proxy.list_only(None)
            return
        found = [found_in(place, trained.membership) for place in places]
        self.proxy.list_only(np.all(found, axis=0))

    def _show_hidden_columns(self) -> None:
        """Say which columns have no room."""
        hidden = self.table.hidden
        self.more_columns.setText(f"Widen for {len(hidden)} more columns" if hidden else "")
        self.more_columns.setToolTip(f"Without room: {', '.join(hidden)}." if hidden else "")

    def _make_filter(self) -> QWidget:
        undo = UndoButtons(self.workspace)
        self.back, self.forward = undo.back, undo.forward
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.filter, 1)
        line.addWidget(undo)
        return row

    def _make_threshold(self) -> QWidget:
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, _MOST_PERCENT)
        self.threshold.setToolTip(
            "Show only members with |weight| above this share of the largest of the assembly.\n"
            "Sizes and regions in the table always count all members."
        )
        self.threshold.valueChanged.connect(
            lambda percent: self.workspace.set_threshold(percent / 100)
        )
        self.threshold_text = QLabel()
        self.definition = DefinitionBox(self.home)
        rows = QWidget()
        form = QFormLayout(rows)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Members by", self.definition)
        line = QHBoxLayout()
        line.addWidget(self.threshold, 1)
        line.addWidget(self.threshold_text)
        form.addRow("|Weight| above", line)
        return rows

    def _titled_scale(self) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.title, 1)
        line.addWidget(self.scale)
        self.copy = button(
            "Copy",
            "Copy the members that are shown to a new layer, which stays as it is.",
            lambda: self.home.layers.selection.copy_assembly(),
        )
        line.addWidget(self.copy)
        return row

    # --- actions of the user ----------------------------------------------------------------

    def _on_rows(self) -> None:
        if self._syncing:
            return
        # The gallery selects single cells, the table whole rows.
        rows = dict.fromkeys(index.row() for index in self.table.selectionModel().selectedIndexes())
        chosen = [self._assembly_in(row) for row in rows]
        current = self.table.currentIndex()
        if current.isValid() and chosen:
            last = self._assembly_in(current.row())
            # The row under the cursor comes last: it is described below.
            chosen.sort(key=lambda assembly: assembly == last)
        if chosen:
            self.workspace.choose_assemblies(chosen)

    def _assembly_in(self, row: int) -> int:
        return self.model.assembly(self.proxy.mapToSource(self.proxy.index(row, 0)).row())

    def _on_link(self, target: str) -> None:
        if target == "neuron":
            raise_dock(self.home.viewer, "Neurons")
        else:
            self.workspace.choose_assembly(int(target))

    # --- what is shown --------------------------------------------------------------------

    def _show_table(self) -> None:
        trained = self.workspace.trained
        self._show_message()
        self.body.setVisible(trained is not None)
        self.evidence.setVisible(trained is not None)
        if trained is not None:
            said = [f"Members are {trained.members.words}.", str(trained.evidence or "")]
            self.evidence.setText(" ".join(said).strip())
        self.definition.show_definition()
        recording = self.workspace.recording
        self._syncing = True
        try:
            labels = self.workspace.labels.labels
            self.model.show(None if trained is None else trained.table, labels)
            self._list_by_region()
        finally:
            self._syncing = False
        if trained is None or recording is None:
            self.gallery.show_assemblies(None)
            return
        self.gallery.show_assemblies(
            Thumbnails(
                place_neurons(recording).points,
                trained.model.weights_,
                trained.members,
                self.workspace.palette,
            )
        )
        self.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.table.show_columns()
        self._show_assembly()
        self._show_neuron()

    def _show_labels(self) -> None:
        """Show changed names; order, width and selection of the rows stay."""
        if self.workspace.trained is None or not self.model.rowCount():
            return
        self._syncing = True
        try:
            self.model.show(self.workspace.trained.table, self.workspace.labels.labels)
            self.table.show_columns()
        finally:
            self._syncing = False
        self._show_rows()

    def _show_message(self) -> None:
        """Say which model table and canvas show, or what is missing."""
        trained, assembly = self.workspace.trained, self.workspace.assembly
        forming = self.workspace.forming and assembly is not None
        mixed = trained is not None and self.home.runs.training and self.home.runs.show_forming
        if self.workspace.recording is None:
            text = _NO_RECORDING
        elif mixed:
            text = _TRAINING
        elif forming:
            text = (_FIRST_TRAINING if self.home.runs.training else _OPENING).format(assembly)
        else:
            text = _NO_MODEL
        self.message.setText(text)
        self.message.setVisible(trained is None or mixed)

    def _show_assembly(self) -> None:
        trained, assembly = self.workspace.trained, self.workspace.assembly
        recording = self.workspace.recording
        if trained is None or assembly is None or recording is None:
            self.title.setText(_CHOOSE)
            self.scale.hide()
            self.copy.setEnabled(False)
            self._show_rows()
            return
        self.copy.setEnabled(True)
        self._show_title()
        self._show_rows()

    def _show_rows(self) -> None:
        """Highlight the rows of the chosen assemblies, in the table and the gallery."""
        selection, last = QItemSelection(), None
        for assembly in self.workspace.assemblies:
            source = self.model.row_of(assembly)
            index = self.proxy.mapFromSource(self.model.index(-1 if source is None else source, 0))
            if index.isValid():
                last = index
                selection.select(index, index.siblingAtColumn(self.model.columnCount() - 1))
        flags = QItemSelectionModel.SelectionFlag
        self._syncing = True
        try:
            if last is not None:
                self.table.selectionModel().setCurrentIndex(last, flags.NoUpdate)
            self.table.selectionModel().select(selection, flags.ClearAndSelect)
            if last is not None:
                self.table.scrollTo(last)
                self.gallery.scrollTo(last)
        finally:
            self._syncing = False

    def _show_threshold(self) -> None:
        percent = round(100 * self.workspace.threshold)
        self.threshold.setValue(percent)
        self.threshold_text.setText(f"{percent} % of largest")
        self._show_title()

    def _show_title(self) -> None:
        trained, several = self.workspace.trained, self.workspace.assemblies
        if trained is None or not several:
            return
        weights = trained.model.weights_
        self.scale.setVisible(len(several) == 1)
        if len(several) > 1:
            self.title.setText(assembly_key(self.workspace))
            return
        (assembly,) = several
        inside = self.workspace.shown_members(assembly)
        if not np.any(weights[:, assembly]):
            self.title.setText(f"<b>Assembly {assembly}</b> is empty: all of its weights are 0.")
            self.scale.hide()
            return
        self.title.setText(
            f"<b>Assembly {assembly}</b>: {len(inside):,} neuron{'s' if len(inside) != 1 else ''}"
        )
        limit = weight_limit(weights[inside, assembly])
        self.scale.show_ends(f"weight -{limit:.2g}", f"+{limit:.2g}")

    def _on_palette(self) -> None:
        """Use the colours of another theme."""
        self.scale.show_palette(self.workspace.palette)
        if self.gallery.thumbnails is not None:
            self.gallery.thumbnails.use(self.workspace.palette)
            self.gallery.viewport().update()
        self._show_title()
        self._show_neuron()

    def _show_neuron(self) -> None:
        neuron, trained = self.workspace.neuron, self.workspace.trained
        recording = self.workspace.recording
        if neuron is None or trained is None or recording is None:
            self.neuron_text.setText(_CLICK_HINT)
            return
        regions = [] if recording.regions is None else recording.regions.of_neuron(neuron)
        held = trained.assemblies_of(neuron)
        held = held[held["is_member"]]
        links = [
            f"{link(assembly, assembly, self.home.viewer)} ({weight:+.2f})"
            for assembly, weight in zip(held["assembly"], held["weight"], strict=True)
        ]
        more = f" and {len(links) - _MOST_LISTED} more" if len(links) > _MOST_LISTED else ""
        itself = link("neuron", f"Neuron {neuron}", self.home.viewer)
        self.neuron_text.setText(
            f"{itself}: {', '.join(regions) or 'in no region'}; "
            f"assemblies by weight: {', '.join(links[:_MOST_LISTED]) or 'none'}{more}"
        )
