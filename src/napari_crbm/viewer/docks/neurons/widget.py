"""The *Neurons* dock: the clicked neuron, and the group selected with the lasso."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QSplitter,
    QTableWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from scipy.ndimage import gaussian_filter1d

from napari_crbm.palette import BLUE, ORANGE
from napari_crbm.viewer.docks.neurons.group_activity import GroupActivityPlot
from napari_crbm.viewer.docks.neurons.groups_row import GroupsRow
from napari_crbm.viewer.docks.open import raise_dock
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.keys import modifier_text, native_text
from napari_crbm.viewer.parts.short_table import ShortTable
from napari_crbm.viewer.parts.style import button, page, plot, text_label
from napari_crbm.viewer.parts.when_visible import WhenVisible
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.recording import Recording
    from napari_crbm.viewer.state.trained import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_CLICK = "Click a neuron on the canvas to read about it."
_DRAW = (
    "Press Lasso and draw around neurons on the canvas to test which assemblies and regions are "
    "enriched there."
)
_NO_MODEL = "Assemblies and couplings appear here once a model is trained or opened."
_MOST_LISTED = 12
_MOST_ENRICHED = 40
_SIGNIFICANT = 0.05
#: Standard deviation of the Gaussian that smooths the activity of a neuron.
_SMOOTH_S = 2.0


class NeuronsWidget(QWidget):
    """Activity, assemblies and couplings of a neuron; enrichment of a group."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.lasso = self.home.lasso
        self.setMinimumWidth(360)
        self._factors: tuple[Trained, NDArray[np.float32]] | None = None
        self._computing: Trained | None = None

        self.message = text_label(_NO_RECORDING)
        self.body = QSplitter(Qt.Orientation.Vertical)
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.body.addWidget(self._make_neuron())
        self.body.addWidget(self._make_group())
        self.body.setSizes([420, 400])
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)

        # Couplings take seconds for a whole brain: only when the dock is visible.
        self._when_visible = WhenVisible(self, self._compute_factors)
        follow(self, self.workspace.recording_changed, self._show_all)
        follow(self, self.workspace.regions_changed, self._show_all)
        follow(self, self.workspace.trained_changed, self._show_all)
        follow(self, self.workspace.neuron_changed, self._show_neuron)
        follow(self, self.workspace.neurons_changed, self._show_group)
        follow(self, self.workspace.threshold_changed, self._show_group)
        self._show_all()

    # --- layout -------------------------------------------------------------------------

    def _make_neuron(self) -> QWidget:
        self.neuron_text = text_label(_CLICK)
        self.trace = plot(self.home.viewer, "Time", "Active (%)", "s", height=90)
        self.trace.setToolTip(
            "Orange: share of frames in which the neuron is active, smoothed (Gaussian, sd 2 s).\n"
            "Blue: fluorescence, if the file has it, scaled to the same height."
        )
        self._fluorescence = self.trace.plot(pen=pg.mkPen(BLUE, width=1))
        self._rate = self.trace.plot(pen=pg.mkPen(ORANGE, width=1))
        for line in (self._fluorescence, self._rate):
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
        self.assemblies = ShortTable(["Assembly", "Weight", "Region"], texts=(2,))
        self.assemblies.setToolTip(
            "Assemblies of the neuron, strongest first. Click one to show it."
        )
        self.assemblies.cellClicked.connect(lambda row, _: self._choose(self.assemblies, row))
        self.partners = ShortTable(["Neuron", "Coupling", "Region"], texts=(2,))
        self.partners.setToolTip(
            "Strongest effective couplings, in nats: increase of the log-odds that the other "
            "neuron is active when this one is,\nall else being equal (second order). Click one "
            "to choose that neuron."
        )
        self.partners.cellClicked.connect(
            lambda row, _: self.workspace.choose_neuron(int(self.partners.item(row, 0).text()))
        )
        self.neuron_tabs = QTabWidget()
        self.neuron_tabs.addTab(self.assemblies, "Assemblies")
        self.neuron_tabs.addTab(self.partners, "Strongest couplings")
        return _column(self.neuron_text, self.trace, self.neuron_tabs)

    def _make_group(self) -> QWidget:
        self.lasso_button = button(
            "Lasso", "", lambda: self.lasso.set_active(not self.lasso.active)
        )
        self.lasso_button.setCheckable(True)
        self.lasso_button.setToolTip(
            f"Draw around neurons on the canvas ({native_text('Ctrl+Shift+L')}). All neurons along "
            f"the line of sight are chosen.\nShift adds, {modifier_text('Alt').rstrip('+')} "
            "removes. Press again to rotate the view with the mouse."
        )
        self.lasso.active_changed.connect(self.lasso_button.setChecked)
        self.lasso.finished.connect(lambda: self.lasso.set_active(False))
        self.clear = button("Clear", "Clear the chosen group.", self._clear)
        self.what_if = button(
            "What if...",
            "Ask what the model expects if these neurons are silent or active (What if dock).",
            lambda: raise_dock(self.home.viewer, "What if"),
        )
        self.group_text = text_label(_DRAW)
        row = QHBoxLayout()
        row.addWidget(self.lasso_button)
        row.addWidget(self.clear)
        row.addWidget(self.what_if)
        row.addStretch(1)
        headings = ["Found", "Of", "Fold enrichment", "q"]
        widths = {0: 44, 1: 50, 2: 50, 3: 104}
        self.group_assemblies = ShortTable(["#", *headings], widths=widths)
        self.group_assemblies.setToolTip(
            "Assemblies with more members in the group than expected for a random group of that "
            "size (hypergeometric test).\nFound: members in the group. Of: members. q: false "
            "discovery rate (Benjamini and Hochberg). Click one to show it."
        )
        self.group_assemblies.cellClicked.connect(
            lambda row, _: self._choose(self.group_assemblies, row)
        )
        self.group_regions = ShortTable(["Region", *headings], texts=(0,), widths=widths)
        self.group_regions.setToolTip(
            "Regions with more neurons in the group than expected for a random group of that "
            "size.\nFound: neurons in the group. Of: neurons. q: false discovery rate."
        )
        self.group_tabs = QTabWidget()
        self.group_tabs.addTab(self.group_assemblies, "Enriched assemblies")
        self.group_tabs.addTab(self.group_regions, "Enriched regions")
        self.group_tabs.addTab(GroupActivityPlot(self.home), "Activity")
        self.groups = GroupsRow(self.home)
        pane = _column(self.groups, self.group_text, self.group_tabs)
        pane.layout().insertLayout(0, row)
        return pane

    # --- actions of the user ----------------------------------------------------------------

    def _choose(self, table: QTableWidget, row: int) -> None:
        self.workspace.choose_assembly(int(table.item(row, 0).text()))

    def _clear(self) -> None:
        self.workspace.choose_neurons([])

    # --- what is shown --------------------------------------------------------------------

    def _show_all(self) -> None:
        recording = self.workspace.recording
        self.message.setText(_NO_RECORDING if recording is None else _NO_MODEL)
        self.message.setVisible(recording is None or self.workspace.trained is None)
        self.body.setVisible(recording is not None)
        self._show_neuron()
        self._show_group()

    def _show_neuron(self) -> None:
        recording, neuron = self.workspace.recording, self.workspace.neuron
        trained = self.workspace.trained
        known = recording is not None and neuron is not None
        self.trace.setVisible(known)
        self.neuron_tabs.setVisible(known and trained is not None)
        if recording is None or neuron is None:
            self.neuron_text.setText(_CLICK)
            return
        self.neuron_text.setText(neuron_summary(recording, neuron))
        self._show_trace(recording, neuron)
        if trained is not None:
            self._show_assemblies(trained, neuron)
            self._show_partners(recording, trained, neuron)

    def _show_trace(self, recording: Recording, neuron: int) -> None:
        active = recording.spikes.trace(neuron).astype(np.float32)
        width = _SMOOTH_S / (recording.frame_interval_s or 1.0)
        rate = 100 * gaussian_filter1d(active, width)
        self._rate.setData(recording.times, rate)
        self._fluorescence.setData([], [])
        fluorescence = recording.fluorescence
        if fluorescence is None:
            return

        def done(trace: NDArray[np.float32]) -> None:
            if (recording, neuron) == (self.workspace.recording, self.workspace.neuron):
                low, high = np.nanquantile(trace, (0.01, 0.999))
                scaled = (trace - low) / max(high - low, 1e-9) * max(float(rate.max()), 1.0)
                self._fluorescence.setData(recording.times, scaled)

        self.home.run(
            "Reading fluorescence", lambda _: fluorescence.trace(neuron), done, owner=self
        )

    def _show_assemblies(self, trained: Trained, neuron: int) -> None:
        held = trained.assemblies_of(neuron)
        held = held[held["is_member"]]
        self.neuron_tabs.setTabText(0, f"{len(held)} assembl{'y' if len(held) == 1 else 'ies'}")
        regions = trained.table["region"]
        self.assemblies.fill(
            [
                (f"{a}", f"{w:+.3f}", regions.get(a, ""))
                for a, w in zip(held["assembly"], held["weight"], strict=True)
            ]
        )

    def _show_partners(self, recording: Recording, trained: Trained, neuron: int) -> None:
        if self._factors is None or self._factors[0].model is not trained.model:
            self.partners.fill([])
            self._when_visible.request()
            return
        from napari_crbm.connectome import effective_couplings

        couplings = effective_couplings(self._factors[1], neuron)
        strongest = np.argsort(-np.abs(couplings), kind="stable")[:_MOST_LISTED]
        strongest = strongest[couplings[strongest] != 0]
        rows = []
        for other in strongest:
            where = recording.regions.of_neuron(int(other)) if recording.regions else []
            rows.append((f"{other}", f"{couplings[other]:+.3f}", ", ".join(where)))
        self.partners.fill(rows)

    def _compute_factors(self) -> None:
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None or self._computing is trained:
            return
        self._computing = trained

        def work(_report: Callable[[int, int], None]) -> NDArray[np.float32]:
            from napari_crbm.connectome import coupling_factors, hidden_response

            response = hidden_response(trained.model, recording.spikes)
            return coupling_factors(trained.model.weights_, response)

        def done(factors: NDArray[np.float32]) -> None:
            self._computing = None
            self._factors = (trained, factors)
            if self.workspace.trained is not None:
                self._show_neuron()

        def failed() -> None:
            self._computing = None

        self.home.run("Computing couplings", work, done, failed, owner=self)

    def _show_group(self) -> None:
        recording, neurons = self.workspace.recording, self.workspace.neurons
        some = recording is not None and len(neurons) > 0
        self.clear.setEnabled(some)
        self.group_tabs.setVisible(some)
        if recording is None or not some:
            self.group_text.setText(_DRAW)
            return
        self.group_tabs.setTabVisible(0, self.workspace.trained is not None)
        self.group_tabs.setTabVisible(1, recording.regions is not None)
        rate = 100 * recording.spikes.mean_activity[neurons].mean()
        self.group_text.setText(
            f"<b>{len(neurons):,} neurons chosen</b> "
            f"({100 * len(neurons) / recording.n_neurons:.1f} % of all), active in {rate:.1f} % "
            "of frames"
        )
        trained = self.workspace.trained
        self.home.run(
            "Testing for enrichment",
            lambda _: _enriched(recording, trained, neurons),
            lambda found: self._show_enriched(neurons, trained, found),
            owner=self,
        )

    def _show_enriched(
        self,
        neurons: NDArray[np.int64],
        trained: Trained | None,
        found: tuple[pd.DataFrame, pd.DataFrame],
    ) -> None:
        if neurons is not self.workspace.neurons or trained is not self.workspace.trained:
            return
        words = (("assembly", "assemblies"), ("region", "regions"))
        tables = (self.group_assemblies, self.group_regions)
        for place, (table, rows) in enumerate(zip(tables, found, strict=True)):
            table.fill(_enrichment_rows(rows))
            count = int((rows["q_value"] < _SIGNIFICANT).sum()) if len(rows) else 0
            self.group_tabs.setTabText(place, f"{count} enriched {words[place][count != 1]}")


def _enriched(
    recording: Recording, trained: Trained | None, neurons: NDArray[np.int64]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the enrichment of assemblies and of regions in a group, each possibly empty."""
    from napari_crbm.connectome import enriched_assemblies, enriched_regions

    nothing = pd.DataFrame()
    return (
        nothing if trained is None else enriched_assemblies(trained.model, neurons),
        nothing if recording.regions is None else enriched_regions(recording.regions, neurons),
    )


def neuron_summary(recording: Recording, neuron: int) -> str:
    """Return regions, activity and position of a neuron as one line of rich text."""
    regions = [] if recording.regions is None else recording.regions.of_neuron(neuron)
    rate = recording.spikes.mean_activity[neuron]
    hz = rate / recording.frame_interval_s if recording.frame_interval_s else 0.0
    z, y, x = recording.positions[neuron]
    place = (
        f"at x {x:.0f}, y {y:.0f}, z {z:.0f} µm"
        if recording.located[neuron]
        else "its position is not known"
    )
    return (
        f"<b>Neuron {neuron}</b>: {', '.join(regions) or 'in no region'}; active in "
        f"{100 * rate:.1f} % of frames ({hz:.2f} events/s); {place}"
    )


def _enrichment_rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    columns = ("found", "size", "enrichment", "q_value")
    rows = table.head(_MOST_ENRICHED)
    return [
        (f"{name}", f"{found:,.0f}", f"{size:,.0f}", f"{times:.1f}", f"{q:.2g}")
        for name, (found, size, times, q) in zip(
            rows.index, rows[list(columns)].to_numpy() if len(rows) else [], strict=True
        )
    ]


def _column(*widgets: QWidget) -> QWidget:
    pane = QWidget()
    column = QVBoxLayout(pane)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    column.setStretchFactor(widgets[-1], 1)
    column.addStretch(0)
    return pane
