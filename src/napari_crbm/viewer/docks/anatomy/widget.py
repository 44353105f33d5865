"""The *Anatomy* dock: brain regions, colours of neurons, atlases."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QColorDialog,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QTabWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.viewer.docks.anatomy.atlas_panel import Assignment, AtlasPanel
from napari_crbm.viewer.docks.anatomy.canvas_switches import CanvasSwitches
from napari_crbm.viewer.docks.anatomy.region_model import RegionFilter, RegionModel
from napari_crbm.viewer.docks.anatomy.view_bar import ViewBar
from napari_crbm.viewer.docks.open import raise_dock
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.colour_kinds import KINDS
from napari_crbm.viewer.layers.connectivity import ConnectionLayers
from napari_crbm.viewer.parts.style import (
    ColourBar,
    button,
    page,
    text_label,
    visible_ticks,
)
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.colouring import Colouring
from napari_crbm.viewer.state.marks import marks_of
from napari_crbm.viewer.state.region_view import OPACITY

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_REGIONS = "This recording has no brain regions. Assign them from an atlas (Atlas tab)."
_HINT = "Tick a region to show its surface on the canvas. Click one to read about it."
_PLAIN = "nothing (grey)"


class AnatomyWidget(QWidget):
    """Regions of the recording and colours of its neurons."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.view = self.workspace.region_view
        self.setMinimumWidth(340)
        self._syncing = False

        self.message = text_label(_NO_RECORDING)
        self.colour_by = QComboBox()
        self.colour_by.setToolTip(
            "Quantity by which all neurons are coloured.\n"
            "Entries in grey need a trained model or regions."
        )
        self.colour_by.addItem(_PLAIN, "")
        for kind, (label, *_) in KINDS.items():
            self.colour_by.addItem(label, kind)
        self.colour_by.activated.connect(lambda _: self._colour())
        self.bar = ColourBar()
        top = QHBoxLayout()
        top.addWidget(QLabel("Colour neurons by"))
        top.addWidget(self.colour_by, 1)

        self.look = ViewBar(self.home.view)
        self.canvas = CanvasSwitches(self.home.legend, marks_of(self.workspace))
        self.atlas = AtlasPanel(self.home, ConnectionLayers(self.home.viewer))
        self.atlas.assigned.connect(self._assign)
        self.tabs = QTabWidget()
        self.tabs.addTab(self._make_tree(), "Regions")
        self.tabs.addTab(self.atlas, "Atlas")
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self.look)
        column.addWidget(self.canvas)
        column.addWidget(self.tabs, 1)
        layout = page(self, self.atlas.layers.end_placement)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)

        follow(self, self.workspace.recording_changed, self._show_recording)
        follow(self, self.workspace.regions_changed, self._show_recording)
        follow(self, self.workspace.trained_changed, self._enable_kinds)
        follow(self, self.workspace.colouring_changed, self._show_colouring)
        follow(self, self.view.changed, self._show_view)
        self._show_recording()

    # --- layout -------------------------------------------------------------------------

    def _make_tree(self) -> QWidget:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search regions")
        self.search.setClearButtonEnabled(True)
        self.model = RegionModel(self.view)
        self.model.tick_wanted = self._tick  # type: ignore[method-assign]
        self.proxy = RegionFilter(self.model)
        self.search.textChanged.connect(self._search)
        self.tree = QTreeView()
        self.tree.setModel(self.proxy)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setUniformRowHeights(True)
        visible_ticks(self.tree, self.home.viewer)
        self.tree.setIndentation(14)
        self.tree.setToolTip(
            "Tick a region to show its surface. Click rows (Ctrl or Shift for several) to change "
            "their colour and opacity\nor to choose the neurons inside."
        )
        self.tree.selectionModel().selectionChanged.connect(self._show_rows)
        self.about = text_label(_HINT)
        self.colour = button(
            "Colour ...",
            "Choose a colour for the selected regions, or else for all ticked ones.",
            self._pick_colour,
        )
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setValue(int(100 * OPACITY))
        self.opacity.setToolTip("Opacity of the surfaces of the regions.")
        self.opacity.sliderPressed.connect(self.workspace.remember_regions)
        self.opacity.valueChanged.connect(self._fade)
        self.choose = button(
            "Choose neurons",
            "Choose the neurons in these regions. The Neurons dock then lists the assemblies that "
            "are enriched there.",
            self._choose_neurons,
        )
        self.untick = button("Untick all", "Hide the surfaces of all regions.", self._untick)
        self.only = QCheckBox("Only neurons in ticked regions")
        self.only.setToolTip("Hide all other neurons, also members of assemblies.")
        self.only.toggled.connect(self._restrict)
        looks, more = QHBoxLayout(), QHBoxLayout()
        looks.addWidget(self.colour)
        looks.addWidget(QLabel("Opacity"))
        looks.addWidget(self.opacity, 1)
        more.addWidget(self.choose)
        more.addWidget(self.untick)
        pane = QWidget()
        column = QVBoxLayout(pane)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.search)
        column.addWidget(self.tree, 1)
        column.addWidget(self.only)
        column.addWidget(self.about)
        column.addLayout(looks)
        column.addLayout(more)
        self.parts = (self.search, self.tree, self.only, *self._buttons())
        return pane

    def _buttons(self) -> tuple[QWidget, ...]:
        return self.colour, self.opacity, self.choose, self.untick

    # --- actions of the user ----------------------------------------------------------------

    def _search(self, text: str) -> None:
        self.proxy.setFilterFixedString(text)
        if text:
            self.tree.expandAll()
        else:
            self.tree.collapseAll()

    def _tick(self, regions: list[int], ticked: bool) -> None:
        self.workspace.remember_regions()
        self.view.tick(regions, ticked)

    def _untick(self) -> None:
        self.workspace.remember_regions()
        self.view.tick(list(range(len(self.view.ticked))), False)

    def _restrict(self, only: bool) -> None:
        if not self._syncing:
            self.workspace.remember_regions()
            self.view.restrict(only)

    def highlighted(self) -> list[int]:
        """Return the regions of the selected rows."""
        rows = self.tree.selectionModel().selectedRows()
        return sorted({region for row in rows for region in self.proxy.regions(row)[1]})

    def _targets(self) -> list[int]:
        """Return the regions that colour and opacity apply to: selected ones, else ticked ones."""
        return self.highlighted() or np.flatnonzero(self.view.ticked).tolist()

    def _pick_colour(self) -> None:
        regions = self._targets()
        if not regions:
            return
        first = QColor(*(int(255 * c) for c in self.view.colours[regions[0], :3]))
        chosen = QColorDialog.getColor(first, self, "Colour of the regions")
        if chosen.isValid():
            self.paint(regions, (chosen.redF(), chosen.greenF(), chosen.blueF()))

    def paint(self, regions: list[int], rgb: tuple[float, float, float]) -> None:
        """Set the colour of regions."""
        self.workspace.remember_regions()
        self.view.paint(regions, rgb)

    def _fade(self, percent: int) -> None:
        if not self._syncing:
            self.view.fade(self._targets(), percent / 100)

    def _choose_neurons(self) -> None:
        regions, view = self._targets(), self.view
        if regions and view.regions is not None:
            inside = np.asarray(view.regions.membership[:, regions].sum(axis=1)).ravel() > 0
            self.workspace.choose_neurons(np.flatnonzero(inside))
            raise_dock(self.home.viewer, "Neurons")

    def _assign(self, assignment: Assignment) -> None:
        self.home.assign_regions(*assignment)
        self.tabs.setCurrentIndex(0)

    def choose_colouring(self, kind: str) -> None:
        """Colour neurons by an entry of the list; "" draws them in grey."""
        self.colour_by.setCurrentIndex(self.colour_by.findData(kind))
        self._colour()

    def _colour(self) -> None:
        kind = self.colour_by.currentData()
        if kind not in KINDS:
            self.workspace.show_colouring(None)
            return
        label, make, *_ = KINDS[kind]
        recording, trained = self.workspace.recording, self.workspace.trained

        def show(made: Colouring) -> None:
            same = (recording, trained) == (self.workspace.recording, self.workspace.trained)
            if same and self.colour_by.currentData() == kind:
                self.workspace.show_colouring(made)

        self.home.run(f"Colouring by {label}", lambda _: make(self.workspace), show, owner=self)

    # --- what is shown --------------------------------------------------------------------

    def _show_recording(self) -> None:
        recording = self.workspace.recording
        self.message.setText(_NO_RECORDING)
        self.message.setVisible(recording is None)
        self.body.setVisible(recording is not None)
        self.model.rebuild()
        header = self.tree.header()
        header.setStretchLastSection(False)
        if self.model.columnCount() > 1:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(1, 72)
        has = self.view.regions is not None
        for part in self.parts:
            part.setEnabled(has)
        self._enable_kinds()
        self._show_colouring()
        self._show_rows()
        self._show_view()

    def _enable_kinds(self) -> None:
        has_model, has_regions = self.workspace.trained is not None, self.view.regions is not None
        for row in range(1, self.colour_by.count()):
            kind = self.colour_by.itemData(row)
            if kind in KINDS:
                _, _, needs_model, needs_regions = KINDS[kind]
                usable = (has_model or not needs_model) and (has_regions or not needs_regions)
                self.colour_by.model().item(row).setEnabled(usable)

    def _show_colouring(self) -> None:
        colouring = self.workspace.colouring
        self.bar.show_colouring(colouring)
        row = self.colour_by.findData("" if colouring is None else colouring.kind)
        while self.colour_by.count() > 1 + len(KINDS):
            self.colour_by.removeItem(self.colour_by.count() - 1)
        if row < 0 and colouring is not None:
            # Another dock has coloured the neurons.
            self.colour_by.addItem(colouring.title, colouring.kind)
            row = self.colour_by.count() - 1
        self.colour_by.setCurrentIndex(row)

    def _show_rows(self) -> None:
        recording, regions = self.workspace.recording, self.view.regions
        if recording is None or regions is None:
            self.about.setText(_NO_REGIONS)
            return
        rows = self.tree.selectionModel().selectedRows()
        chosen = self.highlighted()
        for part in self._buttons()[:3]:
            part.setEnabled(bool(self._targets()))
        if not chosen:
            self.about.setText(_HINT)
            return
        inside = np.asarray(regions.membership[:, chosen].sum(axis=1)).ravel() > 0
        name = self.proxy.regions(rows[0])[0] if len(rows) == 1 else f"{len(rows)} rows"
        rate = 100 * recording.spikes.mean_activity[inside].mean() if inside.any() else 0.0
        self.about.setText(
            f"<b>{name}</b>: {inside.sum():,} neurons ({100 * inside.mean():.1f} % of all), "
            f"active in {rate:.1f} % of frames"
        )
        self._syncing = True
        self.opacity.setValue(round(100 * float(self.view.colours[chosen[0], 3])))
        self._syncing = False

    def _show_view(self) -> None:
        self.model.sync()
        self._syncing = True
        self.only.setChecked(self.view.only_ticked)
        self._syncing = False
        ticked = bool(self.view.ticked.any())
        self.untick.setEnabled(ticked)
        self.only.setEnabled(ticked or self.view.only_ticked)
        for part in self._buttons()[:3]:
            part.setEnabled(bool(self._targets()))
        colouring = self.workspace.colouring
        if colouring is not None and colouring.kind == "region":
            self.workspace.show_colouring(KINDS["region"][1](self.workspace))
