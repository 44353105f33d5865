"""The *Connectivity* dock: the region map, what is behind a cell, the circuit in space."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
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

from napari_crbm.viewer.colouring import by_signed
from napari_crbm.viewer.connectivity_layers import CENTRES, CONNECTIONS, PAIR, ConnectionLayers
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.style import button, fill_table, plot, simple_table, text_label

if TYPE_CHECKING:
    from napari_crbm.connectome import RegionMap
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions
    from napari_crbm.viewer.workspace import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock), or load one."
_NO_REGIONS = (
    "This recording names no brain regions. Assign them from an atlas (Anatomy dock, Atlas tab)."
)
_NO_MAP = "Press Compute to map the connections between brain regions."
_CLICK_HINT = "Click a cell of the matrix, or a row of the circuit."
_SHUFFLES = 500
_MOST_EDGES, _FIRST_EDGES = 150, 30
_MOST_LISTED = 10
_SMALLEST_SHARE = 0.01

_MEASURES = {
    "coupling": ("Couplings (model)", "Effective couplings of the neurons in the trained model."),
    "covariance": ("Covariances", "Recorded covariances of the neurons, for comparison."),
    "correlation": ("Correlations", "Recorded correlations of the neurons, for comparison."),
}
_RULES = {
    "mean_abs": ("Mean size", "Mean of absolute values over pairs of neurons, as published."),
    "rms": ("RMS", "Root of the mean square over pairs of neurons."),
    "mean": ("Signed mean", "Mean with sign over pairs of neurons."),
}


@dataclass(frozen=True, eq=False)
class Mapped:
    """A region map with what the dock shows of it, computed in the background."""

    recording: Recording
    regions: Regions
    factors: NDArray[np.float32]
    region_map: RegionMap
    order: NDArray[np.int64]
    centres: NDArray[np.float64]


class _Cancelled(Exception):
    """The person has pressed Cancel."""


def compute(
    recording: Recording,
    trained: Trained,
    regions: Regions,
    measure: str,
    rule: str,
    report: Callable[[int, int], None],
) -> Mapped:
    """Map the connections; seconds, for a whole brain a quarter of a minute."""
    from napari_crbm import connectome

    model = trained.model
    response = connectome.hidden_response(model, recording.spikes)
    factors = connectome.coupling_factors(model.weights_, response)
    options: dict[str, Any] = dict(rule=rule, n_shuffles=_SHUFFLES, report=report)
    if measure == "coupling":
        found = connectome.region_map(factors, regions, **options)
    else:
        found = connectome.activity_map(recording.spikes, regions, measure, **options)  # type: ignore[arg-type]
    return Mapped(
        recording,
        regions,
        factors,
        found,
        connectome.cluster_order(found),
        connectome.region_centroids(recording.coordinates, regions, found.names),
    )


class ConnectivityWidget(QWidget):
    """Which brain regions are coupled, how strongly, and through which assemblies."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.layers = ConnectionLayers(self.home.viewer)
        self.mapped: Mapped | None = None
        self.pair: tuple[str, str] | None = None
        self._cancel = threading.Event()
        self._running = False
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.measure, self.rule = _choice(_MEASURES), _choice(_RULES)
        self.start = button("Compute", "Map the connections between regions.", self._toggle)
        controls = QHBoxLayout()
        for part in (self.measure, self.rule, self.start):
            controls.addWidget(part)

        self.matrix = plot(self.home.viewer, "Region", "Region", height=220)
        self.matrix.showGrid(x=False, y=False)
        self.matrix.setAspectLocked(True)
        self.matrix.invertY(True)
        self.matrix.setMouseEnabled(x=False, y=False)
        for side in ("bottom", "left"):
            self.matrix.getAxis(side).setStyle(showValues=False, tickLength=0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.matrix.addItem(self.image)
        self.bar = pg.ColorBarItem(interactive=False, width=12, colorMap=pg.colormap.get("CET-L1"))
        self.bar.setImageItem(self.image, insert_in=self.matrix.getPlotItem())
        self.cross = pg.PlotDataItem(pen=pg.mkPen("#ffffff", width=2))
        self.matrix.addItem(self.cross)
        self.matrix.scene().sigMouseClicked.connect(self._on_click)
        self.matrix.scene().sigMouseMoved.connect(self._on_hover)
        self.hover = text_label("", wrap=True)

        self.circuit = simple_table(["Region", "and", "Value", "q"], narrow=(2, 3))
        self.circuit.setToolTip(
            "Strongest connections between regions. q: corrected chance that random neurons "
            "connect as strongly."
        )
        self.circuit.cellClicked.connect(self._on_edge_row)
        self.tabs = QTabWidget()
        self.tabs.addTab(_stacked(self.matrix, self.hover), "Matrix")
        self.tabs.addTab(self.circuit, "Circuit")

        self.edges = QSlider(Qt.Orientation.Horizontal)
        self.edges.setRange(0, _MOST_EDGES)
        self.edges.setValue(_FIRST_EDGES)
        self.edges.setToolTip("Threshold: how many of the strongest connections are drawn.")
        self.edges_text = QLabel()
        self.edges_text.setMinimumWidth(120)
        self.edges.valueChanged.connect(self._show_edges)
        slider = QHBoxLayout()
        slider.addWidget(QLabel("Connections"))
        slider.addWidget(self.edges, 1)
        slider.addWidget(self.edges_text)
        self.only_chosen = QCheckBox("Only of the chosen regions")
        self.only_chosen.setToolTip("Draw connections that start or end in the chosen regions.")
        self.only_chosen.toggled.connect(self._show_edges)
        self.by_coupling = QCheckBox("Colour neurons by coupling")
        self.by_coupling.setToolTip(
            "Click a neuron: all others are coloured by their effective coupling with it, orange "
            "if it makes them more likely to fire, blue if less."
        )
        self.by_coupling.toggled.connect(self._toggle_couplings)
        ticks = QVBoxLayout()
        ticks.setSpacing(2)
        ticks.addWidget(self.only_chosen)
        ticks.addWidget(self.by_coupling)

        self.pair_text = text_label(_CLICK_HINT)
        self.carriers = simple_table(["Assembly", "Share of the connection"])
        self.carriers.setToolTip("Assemblies that carry the connection; click one to show it.")
        self.carriers.cellClicked.connect(
            lambda row, _: self.workspace.choose_assembly(int(self.carriers.item(row, 0).text()))
        )
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(slider)
        column.addLayout(ticks)
        column.addWidget(self.pair_text)
        column.addWidget(self.carriers, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tabs)
        splitter.addWidget(below)
        splitter.setSizes([430, 250])
        self.body = splitter
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addLayout(controls)
        layout.addWidget(splitter, 1)

        self.workspace.recording_changed.connect(self._reset)
        self.workspace.regions_changed.connect(self._reset)
        self.workspace.trained_changed.connect(self._reset)
        self.workspace.neuron_changed.connect(self._show_couplings)
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
            def checked(done: int, total: int) -> None:
                if cancel.is_set():
                    raise _Cancelled
                report(done, total)

            try:
                return compute(recording, trained, regions, measure, rule, checked)
            except _Cancelled:
                return None

        self._set_running(True)
        job = self.home.run(
            "Mapping connectivity", work, self._show, lambda: self._set_running(False)
        )
        job.progressed.connect(lambda k, n: self.message.setText(f"Mapping: {100 * k // n} %"))

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.start.setText("Cancel" if running else "Compute")
        self.message.setText("Mapping ..." if running else _NO_MAP)
        self.message.setVisible(running or self.mapped is None)

    def _show(self, mapped: Mapped | None) -> None:
        self._set_running(False)
        if mapped is None or mapped.recording is not self.workspace.recording:
            return
        self.mapped, self.pair = mapped, None
        self.message.setVisible(False)
        self._show_matrix(mapped)
        self._show_circuit(mapped)
        first = self._strongest_pair(mapped)
        self._show_edges()
        if first is not None:
            self.choose_pair(*first)

    # --- state ----------------------------------------------------------------------------

    def _reset(self) -> None:
        self._cancel.set()
        self.mapped = self.pair = None
        self.layers.hide(CONNECTIONS, CENTRES, PAIR)
        self.image.clear()
        self.cross.setData([], [])
        self.circuit.setRowCount(0)
        self.carriers.setRowCount(0)
        self.pair_text.setText(_CLICK_HINT)
        self.edges_text.setText("")
        recording, trained = self.workspace.recording, self.workspace.trained
        missing = (
            _NO_RECORDING
            if recording is None
            else _NO_MODEL
            if trained is None
            else _NO_REGIONS
            if self.regions is None
            else ""
        )
        self.message.setText(missing or _NO_MAP)
        self.message.setVisible(True)
        self.start.setEnabled(not missing)
        self.body.setVisible(recording is not None)

    # --- matrix -----------------------------------------------------------------------------

    def _show_matrix(self, mapped: Mapped) -> None:
        from matplotlib import colormaps

        from napari_crbm.connectome.layout import scaled
        from napari_crbm.figures.connectivity import measure_label
        from napari_crbm.figures.style import DARK

        found, order = mapped.region_map, mapped.order
        values = found.values[np.ix_(order, order)]
        shown = scaled(values)
        logarithmic = shown is not values
        known = shown[np.isfinite(shown)]
        low, high = np.quantile(known, (0.02, 0.995))
        stops = colormaps["cividis"]
        if not logarithmic and known.min() < 0:
            low, high = -np.abs(known).max(), np.abs(known).max()
            stops = DARK.weight_map
        table = pg.ColorMap(np.linspace(0, 1, 64), stops(np.linspace(0, 1, 64), bytes=True))
        self.image.setImage(shown, autoLevels=False)
        self.bar.setColorMap(table)
        self.bar.setLevels((float(low), float(high)))
        label = f"{'log10 ' if logarithmic else ''}{measure_label(found)}"
        self.bar.axis.setLabel(label)
        self.bar.axis.setTextPen(self.matrix.getAxis("bottom").textPen())
        n = len(order)
        self.matrix.setRange(xRange=(0, n), yRange=(0, n), padding=0.01)
        self.matrix.setLabel("bottom", f"{n} regions, similar ones side by side")
        self.matrix.setLabel("left", "")

    def _cell(self, position: Any) -> tuple[str, str] | None:
        if self.mapped is None or not self.matrix.sceneBoundingRect().contains(position):
            return None
        point = self.matrix.getPlotItem().vb.mapSceneToView(position)
        column, row = int(np.floor(point.x())), int(np.floor(point.y()))
        names, order = self.mapped.region_map.names, self.mapped.order
        if 0 <= row < len(order) and 0 <= column < len(order):
            return names[order[row]], names[order[column]]
        return None

    def _on_click(self, event: Any) -> None:
        cell = self._cell(event.scenePos())
        if cell is not None:
            self.choose_pair(*cell)

    def _on_hover(self, position: Any) -> None:
        cell = self._cell(position)
        if cell is not None and self.mapped is not None:
            value = self._value(self.mapped.region_map.values, *cell)
            self.hover.setText(f"{cell[0]}  ·  {cell[1]}:  {value:.3g}")

    def _value(self, matrix: NDArray[np.float64], first: str, second: str) -> float:
        assert self.mapped is not None
        names = self.mapped.region_map.names
        return float(matrix[names.index(first), names.index(second)])

    # --- chosen pair --------------------------------------------------------------------

    def choose_pair(self, first: str, second: str) -> None:
        """Show the connection of two regions: neurons, value, assemblies that carry it."""
        mapped = self.mapped
        if mapped is None:
            return
        from napari_crbm.connectome import carriers

        self.pair = (first, second)
        self.layers.show_pair(mapped.recording, mapped.regions, first, second)
        found = mapped.region_map
        names = list(found.names)
        rows = [int(np.flatnonzero(mapped.order == names.index(n))[0]) for n in (first, second)]
        row, column = rows
        self.cross.setData(
            [column, column + 1, column + 1, column, column], [row, row, row + 1, row + 1, row]
        )
        text = f"<b>{first}</b> and <b>{second}</b>: {self._value(found.values, first, second):.3g}"
        if found.low is not None and found.high is not None:
            low, high = (self._value(m, first, second) for m in (found.low, found.high))
            text += f" (95 % interval {low:.3g} to {high:.3g})"
        if found.expected is not None and found.q_value is not None:
            expected = self._value(found.expected, first, second)
            q = self._value(found.q_value, first, second)
            text += f"; random neurons {expected:.3g}, q = {q:.2g}"
        self.pair_text.setText(text)
        shown = carriers(mapped.factors, mapped.regions, first, second)
        shown = shown[shown["share"] >= _SMALLEST_SHARE].head(_MOST_LISTED)
        fill_table(
            self.carriers,
            [
                (f"{a}", f"{100 * s:.0f} %")
                for a, s in zip(shown["assembly"], shown["share"], strict=True)
            ],
        )
        if self.only_chosen.isChecked():
            self._show_edges()

    def _strongest_pair(self, mapped: Mapped) -> tuple[str, str] | None:
        from napari_crbm.connectome import circuit

        top = circuit(mapped.region_map, 1)
        return None if not len(top) else (top["region_a"].iloc[0], top["region_b"].iloc[0])

    # --- circuit ------------------------------------------------------------------------

    def _show_circuit(self, mapped: Mapped) -> None:
        from napari_crbm.connectome import circuit

        shown = circuit(mapped.region_map, _MOST_EDGES)
        q = shown["q_value"] if "q_value" in shown else [np.nan] * len(shown)
        rows = zip(shown["region_a"], shown["region_b"], shown["value"], q, strict=True)
        fill_table(self.circuit, [(a, b, f"{value:.3g}", f"{p:.2g}") for a, b, value, p in rows])

    def _on_edge_row(self, row: int, _column: int) -> None:
        self.choose_pair(self.circuit.item(row, 0).text(), self.circuit.item(row, 1).text())

    def _show_edges(self) -> None:
        mapped = self.mapped
        if mapped is None:
            return
        import pandas as pd

        from napari_crbm.connectome import circuit

        n = self.edges.value()
        edges = circuit(mapped.region_map, n)
        if self.only_chosen.isChecked() and self.pair is not None:
            parts = [circuit(mapped.region_map, n, about=name) for name in dict.fromkeys(self.pair)]
            edges = pd.concat(parts).drop_duplicates(["region_a", "region_b"])
            edges = edges.sort_values("value", key=np.abs, ascending=False).head(n)
            edges = edges.assign(strength=edges["value"].abs() / edges["value"].abs().max())
        smallest = f" ≥ {edges['value'].abs().min():.2g}" if len(edges) else ""
        self.edges_text.setText(f"{len(edges)}{smallest}")
        self.layers.show_edges(edges, mapped.region_map.names, mapped.centres)

    # --- couplings of one neuron ----------------------------------------------------------

    def _toggle_couplings(self, wanted: bool) -> None:
        if wanted:
            self._show_couplings()
        else:
            self.workspace.show_colouring(None)

    def _show_couplings(self) -> None:
        neuron, mapped = self.workspace.neuron, self.mapped
        if neuron is None or mapped is None or not self.by_coupling.isChecked():
            return
        from napari_crbm.connectome import effective_couplings

        couplings = effective_couplings(mapped.factors, neuron)
        self.workspace.show_colouring(by_signed("coupling", "Coupling (nats)", couplings))


def _choice(options: dict[str, tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    for index, (key, (text, tip)) in enumerate(options.items()):
        box.addItem(text, key)
        box.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
    box.setToolTip("\n".join(f"{text}: {tip}" for text, tip in options.values()))
    return box


def _stacked(*widgets: QWidget) -> QWidget:
    pane = QWidget()
    column = QVBoxLayout(pane)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    return pane
