"""The *Connectivity* dock: region map, its strongest connections, several animals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.viewer.docks.connectivity.animals_panel import AnimalsPanel
from napari_crbm.viewer.docks.connectivity.circuit_view import CircuitView
from napari_crbm.viewer.docks.connectivity.coupling_colours import CouplingColours
from napari_crbm.viewer.docks.connectivity.matrix_page import MatrixPage
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, cancellable
from napari_crbm.viewer.layers.connectivity import (
    CENTRES,
    CONNECTIONS,
    PAIR,
    ConnectionLayers,
)
from napari_crbm.viewer.layers.in_turn import LayersInTurn
from napari_crbm.viewer.parts.model_changes import ModelChanges
from napari_crbm.viewer.parts.short_table import ShortTable
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.connectivity import Mapped, compute

if TYPE_CHECKING:
    from napari_crbm.regions import Regions

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock) or open one."
_NO_REGIONS = (
    "This recording has no brain regions. Assign them from an atlas (Anatomy dock, Atlas tab)."
)
_NO_MAP = "Press Compute to map the connections between brain regions."
_CLICK_HINT = "Click a cell of the matrix or a row of the circuit."
_MOST_EDGES, _FIRST_EDGES = 150, 30
_LAYERS = (CONNECTIONS, CENTRES, PAIR)

_MEASURES = {
    "coupling": ("Couplings (model)", "Effective couplings of the neurons in the trained model."),
    "covariance": ("Covariances", "Recorded covariances of the neurons, for comparison."),
    "correlation": ("Correlations", "Recorded correlations of the neurons, for comparison."),
}
_RULES = {
    "mean_abs": ("Mean size", "Mean absolute value over pairs of neurons, as published."),
    "rms": ("RMS", "Root of the mean square over pairs of neurons."),
    "mean": ("Signed mean", "Mean with sign over pairs of neurons."),
}


class ConnectivityWidget(QWidget):
    """Connections between brain regions and the assemblies that make them up."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.layers = ConnectionLayers(self.home.viewer)
        self._in_turn = LayersInTurn(self, self.home.viewer, _LAYERS)
        self.mapped: Mapped | None = None
        self.pair: tuple[str, str] | None = None
        self._only_regions: tuple[str, ...] = ()
        self._about: str | None = None
        self._cancel = threading.Event()
        self._running = False
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.measure, self.rule = _choice(_MEASURES), _choice(_RULES)
        self.start = button("Compute", "Map the connections between regions.", self._toggle)
        controls = QHBoxLayout()
        for part in (self.measure, self.rule, self.start):
            controls.addWidget(part)

        self.matrix_page = MatrixPage(self.home.viewer)
        self.matrix_page.found.connect(self._choose_found)
        self.matrix = self.matrix_page.view
        self.matrix.clicked.connect(self.choose_pair)
        self.ring = CircuitView(self.home.viewer)
        self.ring.clicked.connect(self._on_region)
        self.circuit = ShortTable(["Region", "and", "Value", "q"], texts=(0, 1))
        self.circuit.setToolTip(
            "Strongest connections between regions. q: false discovery rate against neurons "
            "shuffled between regions."
        )
        self.circuit.cellClicked.connect(self._on_edge_row)
        self.animals = AnimalsPanel(self.home, self._for_project)
        self.animals.chosen.connect(self.choose_pair)
        circuits = QSplitter(Qt.Orientation.Vertical)
        circuits.addWidget(self.ring)
        circuits.addWidget(self.circuit)
        circuits.setSizes([260, 150])
        self.tabs = QTabWidget()
        self.tabs.addTab(self.matrix_page, "Matrix")
        self.tabs.addTab(circuits, "Circuit")
        self.tabs.addTab(self.animals, "Animals")

        self.edges = QSlider(Qt.Orientation.Horizontal)
        self.edges.setRange(0, _MOST_EDGES)
        self.edges.setValue(_FIRST_EDGES)
        self.edges.setToolTip("Number of strongest connections that are drawn.")
        self.edges_text = text_label("")
        # Names of regions come from files.
        self.edges_text.setTextFormat(Qt.TextFormat.PlainText)
        self.edges.valueChanged.connect(self._show_edges)
        slider = QHBoxLayout()
        slider.addWidget(QLabel("Connections"))
        slider.addWidget(self.edges, 1)
        self.only_chosen = QCheckBox("Only chosen regions")
        self.only_chosen.setToolTip("Draw connections that start or end in the chosen regions.")
        self.only_chosen.toggled.connect(self._show_edges)
        self.surfaces = QCheckBox("Show their surfaces")
        self.surfaces.setToolTip("Tick only the chosen regions in the Anatomy dock.")
        self.surfaces.toggled.connect(self._show_surfaces)
        self.couplings = CouplingColours(self.workspace)
        of_regions = QHBoxLayout()
        of_regions.addWidget(self.only_chosen)
        of_regions.addWidget(self.surfaces)
        of_regions.addStretch(1)

        self.pair_text = text_label(_CLICK_HINT)
        self.carriers = ShortTable(["Assembly", "Share of the connection"])
        self.carriers.setToolTip("Assemblies that make up the connection. Click one to show it.")
        self.carriers.cellClicked.connect(
            lambda row, _: self.workspace.choose_assembly(int(self.carriers.item(row, 0).text()))
        )
        self.below = below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(slider)
        column.addWidget(self.edges_text)
        column.addLayout(of_regions)
        column.addLayout(self.couplings)
        column.addWidget(self.pair_text)
        column.addWidget(self.carriers, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tabs)
        splitter.addWidget(below)
        self.tabs.currentChanged.connect(lambda _: self._show_below())
        splitter.setSizes([430, 250])
        self.body = splitter
        layout = page(self, self._leave)
        layout.addWidget(self.message)
        layout.addLayout(controls)
        layout.addWidget(splitter, 1)
        layout.addStretch(0)

        follow(self, self.workspace.recording_changed, self._reset)
        follow(self, self.workspace.regions_changed, self._reset)
        ModelChanges(self, self.workspace, self._reset)
        follow(self, self.workspace.region_view.changed, self._on_region_view)
        for chosen in (self.workspace.assembly_changed, self.workspace.neuron_changed):
            follow(self, chosen, self._in_turn.give_way)
        self._reset()

    # --- computing ------------------------------------------------------------------------

    @property
    def regions(self) -> Regions | None:
        """Regions of the recording."""
        recording = self.workspace.recording
        return None if recording is None else recording.regions

    def _toggle(self) -> None:
        if self._running:
            self._cancel.set()
            return
        recording, trained, regions = self.workspace.recording, self.workspace.trained, self.regions
        if recording is None or trained is None or regions is None:
            return
        measure, rule = self.measure.currentData(), self.rule.currentData()
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> Mapped | None:
            checked = cancellable(report, cancel)
            try:
                return compute(recording, trained, regions, measure, rule, checked)
            except Cancelled:
                return None

        self._set_running(True)
        job = self.home.run(
            "Mapping connectivity", work, self._show, lambda: self._set_running(False), owner=self
        )
        job.progressed.connect(self._show_progress)

    def _show_progress(self, done: int, total: int) -> None:
        self.message.setText(f"Mapping connections: {100 * done // max(total, 1)} %")

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.start.setText("Cancel" if running else "Compute")
        self.message.setText("Mapping connections ..." if running else self._missing or _NO_MAP)
        self.message.setVisible(running or self.mapped is None)

    def _show(self, mapped: Mapped | None) -> None:
        self._set_running(False)
        if mapped is None or mapped.recording is not self.workspace.recording:
            return
        self.mapped, self.pair, self._about = mapped, None, None
        self.couplings.use(mapped)
        self.message.setVisible(False)
        self._show_body()
        self._only_regions = self._ticked_regions()
        self._show_map(mapped)
        first = self._strongest_pair(mapped)
        self._show_edges()
        if first is not None:
            self.choose_pair(*first)

    # --- state ----------------------------------------------------------------------------

    def _reset(self) -> None:
        self._cancel.set()
        self.mapped = self.pair = None
        self.couplings.use(None)
        self.layers.hide(*_LAYERS)
        self.matrix_page.clear()
        self.ring.clear()
        self.circuit.setRowCount(0)
        self.carriers.setRowCount(0)
        self.pair_text.setText(_CLICK_HINT)
        self.edges_text.setText("")
        self.message.setText(self._missing or _NO_MAP)
        self.message.setVisible(True)
        self.start.setEnabled(not self._missing)
        self.body.setVisible(self.workspace.recording is not None)
        self._show_body()

    def _leave(self) -> None:
        """Remove the layers and colours of the map when the dock is closed."""
        self._cancel.set()
        self.layers.hide(*_LAYERS)
        self.couplings.wanted.setChecked(False)

    @property
    def _missing(self) -> str:
        """What must be opened, trained or assigned first; empty if nothing."""
        if self.workspace.recording is None:
            return _NO_RECORDING
        if self.workspace.trained is None:
            return _NO_MODEL
        return _NO_REGIONS if self.regions is None else ""

    def _show_body(self) -> None:
        """Show the tabs of the map only if there is one; projects need none."""
        there = self.mapped is not None
        is_new = there and not self.tabs.isTabVisible(0)
        for place in (0, 1):
            self.tabs.setTabVisible(place, there)
        if is_new:
            self.tabs.setCurrentIndex(0)
        self._show_below()

    def _show_below(self) -> None:
        of_map = self.tabs.currentWidget() is not self.animals
        self.below.setVisible(of_map and self.mapped is not None)

    # --- map ------------------------------------------------------------------------------

    def _ticked_regions(self) -> tuple[str, ...]:
        """Return the regions ticked in the Anatomy dock while only these are shown, else none."""
        view, mapped = self.workspace.region_view, self.mapped
        if mapped is None or view.regions is None or not view.only_ticked:
            return ()
        ticked = {view.regions.names[k] for k in np.flatnonzero(view.ticked)}
        return tuple(name for name in mapped.region_map.names if name in ticked)

    def _on_region_view(self) -> None:
        ticked = self._ticked_regions()
        if self.mapped is not None and ticked != self._only_regions:
            self._only_regions = ticked
            self._show_map(self.mapped)
            self._show_edges()

    def _show_map(self, mapped: Mapped) -> None:
        """Show matrix and list of the regions."""
        shown, order = mapped.among(self._only_regions)
        rows = [mapped.region_map.names.index(name) for name in shown.names]
        self.matrix_page.show_map(shown, order, mapped.centres[rows])
        if self.pair is not None:
            self.matrix.mark(*self.pair)
        rows = mapped.connections(_MOST_EDGES, self._only_regions)
        q = rows["q_value"] if "q_value" in rows else [np.nan] * len(rows)
        cells = zip(rows["region_a"], rows["region_b"], rows["value"], q, strict=True)
        self.circuit.fill([(a, b, f"{value:.3g}", f"{p:.2g}") for a, b, value, p in cells])

    def _for_project(self) -> Callable[[Callable[[int, int], None]], dict[str, Any]] | None:
        return None if self.mapped is None else self.mapped.for_project

    # --- chosen pair --------------------------------------------------------------------

    def choose_pair(self, first: str, second: str) -> None:
        """Show a connection of two regions: neurons, value, assemblies that make it up."""
        mapped = self.mapped
        if mapped is None or not {first, second} <= set(mapped.region_map.names):
            return
        self.pair = (first, second)
        self.layers.show_pair(mapped.recording, mapped.regions, first, second)
        self.matrix.mark(first, second)
        self.pair_text.setText(mapped.describe(first, second))
        shown = mapped.carriers(first, second)
        self.carriers.fill(
            [
                (f"{a}", f"{100 * s:.0f} %")
                for a, s in zip(shown["assembly"], shown["share"], strict=True)
            ]
        )
        self._show_edges()
        self._show_surfaces()
        self.couplings.choose_region(first)

    def _show_surfaces(self) -> None:
        """Tick the chosen regions, so that their surfaces are drawn."""
        view = self.workspace.region_view
        if not self.surfaces.isChecked() or self.pair is None or view.regions is None:
            return
        if view.only_ticked:
            # The ticks then say which neurons are shown, so they must not change.
            return
        chosen = [view.regions.names.index(name) for name in dict.fromkeys(self.pair)]
        if not np.array_equal(np.flatnonzero(view.ticked), np.sort(chosen)):
            self.workspace.remember_regions()
            view.ticked[:] = False
            view.tick(chosen)

    def _choose_found(self, region: str) -> None:
        """Show the strongest connection of a region that was searched for."""
        assert self.mapped is not None
        top = self.mapped.connections_of([region], 1)
        if len(top):
            self.choose_pair(top["region_a"].iloc[0], top["region_b"].iloc[0])

    def _strongest_pair(self, mapped: Mapped) -> tuple[str, str] | None:
        top = mapped.connections(1, self._only_regions)
        return None if not len(top) else (top["region_a"].iloc[0], top["region_b"].iloc[0])

    # --- circuit ------------------------------------------------------------------------

    def _on_edge_row(self, row: int, _column: int) -> None:
        self.choose_pair(self.circuit.item(row, 0).text(), self.circuit.item(row, 1).text())

    def _show_edges(self) -> None:
        mapped = self.mapped
        if mapped is None:
            return
        n = self.edges.value()
        if self._about is not None:
            edges = mapped.connections(n, (self._about,))
        elif self.only_chosen.isChecked() and self.pair is not None:
            edges = mapped.connections_of(self.pair, n)
        else:
            edges = mapped.connections(n, self._only_regions)
        of = ""
        if self._about is not None:
            of = f" of {self._about}"
        elif self.only_chosen.isChecked() and self.pair is not None:
            of = f" of {' and '.join(dict.fromkeys(self.pair))}"
        self.edges_text.setText(mapped.said(edges, of))
        self.layers.show_edges(edges, mapped.region_map.names, mapped.centres)
        self.ring.show_edges(edges, mapped.region_map.names, mapped.centres, self.pair)

    def _on_region(self, region: str) -> None:
        """Show the connections of one region; clicking it again shows all."""
        self._about = None if self._about == region else region
        self._show_edges()


def _choice(options: dict[str, tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    for index, (key, (text, tip)) in enumerate(options.items()):
        box.addItem(text, key)
        box.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
    box.setToolTip("\n".join(f"{text}: {tip}" for text, tip in options.values()))
    return box
