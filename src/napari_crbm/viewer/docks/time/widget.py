"""The *Time* dock: raster, traces and playback of the recording; prediction."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, Qt, QTimer
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QShortcut,
    QSizePolicy,
    QSlider,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import Raster, assembly_raster, neuron_raster, peaks
from napari_crbm.palette import GREEN, ORANGE
from napari_crbm.viewer.docks.time.prediction import PredictionPanel
from napari_crbm.viewer.docks.time.trace_panel import TracePanel
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.style import button, page, plot, text_label
from napari_crbm.viewer.parts.when_visible import WhenVisible
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.trained import Trained

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TICK_MS = 40
_PLAY, _PAUSE = "▶ Play", "❚❚ Pause"
_ASSEMBLIES, _NEURONS = "Assemblies", "Neurons"
_AXIS_PX = 84
_MOST_TICKS = 25


class TimeWidget(QWidget):
    """Raster, traces and a time cursor; shows the active neurons of a frame on the canvas."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._raster: Raster | None = None
        self._peaks = np.empty(0, dtype=np.int64)
        self._syncing = False
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._played_from = (0.0, 0.0)

        self.message = text_label(_NO_RECORDING)
        self.play = button(_PLAY, "Play the recording from the cursor (P).", self._toggle)
        self.back = button("‹", "Previous frame (,).", lambda: self._step(-1))
        self.forward = button("›", "Next frame (.).", lambda: self._step(1))
        self.earlier = button(
            "‹ peak",
            "Previous peak of the chosen assembly (<).",
            lambda: self._peak(-1),
        )
        self.later = button(
            "peak ›", "Next peak of the chosen assembly (>).", lambda: self._peak(1)
        )
        for small in (self.back, self.forward):
            small.setMaximumWidth(34)
        self.speed = QComboBox()
        for factor in _SPEEDS:
            self.speed.addItem(f"{factor:g} x", factor)
        self.speed.setCurrentIndex(_SPEEDS.index(5.0))
        self.speed.setToolTip("Seconds of the recording per second of playback.")
        self.speed.currentIndexChanged.connect(self._restart_clock)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Frame under the cursor.")
        self.slider.valueChanged.connect(self._on_slider)
        self.readout = text_label("")
        self.shown = QCheckBox("Show on canvas")
        self.shown.setToolTip(
            "Show neurons that are active at the cursor on the canvas; they fade within a second."
        )
        self.shown.toggled.connect(self._on_shown)

        self.rows_of = QComboBox()
        self.rows_of.addItems([_ASSEMBLIES, _NEURONS])
        self.rows_of.setToolTip(
            "Rows of the raster. Assemblies: sorted by similarity of their activity. Neurons: in\n"
            "groups, sorted by their strongest assembly (by mean activity without a model)."
        )
        self.rows_of.currentIndexChanged.connect(self._show_raster)
        self.raster = plot(self.home.viewer, "", _ASSEMBLIES, height=110)
        self.raster.showGrid(x=False, y=False)
        self.raster.setToolTip("Click to move the cursor and choose the assembly of the row.")
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.image.setAutoDownsample(True)
        self.raster.addItem(self.image)
        self.row_mark = pg.InfiniteLine(angle=0, pen=pg.mkPen(ORANGE, width=1))
        self.raster.addItem(self.row_mark)
        self.raster.scene().sigMouseClicked.connect(self._on_click)

        self.traces = TracePanel(self.home.viewer)
        self.traces.plot.setXLink(self.raster)
        self.cursors = []
        for panel in (self.raster, self.traces.plot):
            cursor = pg.InfiniteLine(angle=90, movable=True, pen=pg.mkPen(GREEN, width=2))
            cursor.sigDragged.connect(lambda line: self._go_to_time(line.value()))
            panel.addItem(cursor)
            # The same width for both, so that their times align.
            panel.getAxis("left").setWidth(_AXIS_PX)
            self.cursors.append(cursor)

        controls, peaks_row, rows_row = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for widget in (self.back, self.play, self.forward, self.speed):
            controls.addWidget(widget)
        controls.addStretch(1)
        controls.addWidget(self.shown)
        peaks_row.addWidget(self.earlier)
        peaks_row.addWidget(self.slider, 1)
        peaks_row.addWidget(self.later)
        rows_row.addWidget(self.readout, 1)
        rows_row.addWidget(self.rows_of)
        played, self.body = QWidget(), QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(controls)
        column.addLayout(peaks_row)
        column.addLayout(rows_row)
        column.addWidget(self.raster, 3)
        column.addWidget(self.traces, 1)
        layout = QVBoxLayout(played)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)
        self.prediction = PredictionPanel(self.home)
        self.tabs = QTabWidget()
        self.tabs.addTab(played, "Recording")
        self.tabs.addTab(self.prediction, "Prediction")
        page(self).addWidget(self.tabs)

        for keys, act in (
            ("P", self._toggle),
            (",", lambda: self._step(-1)),
            (".", lambda: self._step(1)),
            ("<", lambda: self._peak(-1)),
            (">", lambda: self._peak(1)),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

        self._when_visible = WhenVisible(self, self._show_raster)
        follow(self, self.workspace.recording_changed, self._show_recording)
        follow(self, self.workspace.trained_changed, self._show_model)
        follow(self, self.workspace.assembly_changed, self._show_assembly)
        follow(self, self.workspace.frame_changed, self._show_frame)
        self._show_recording()

    # --- actions of the user ------------------------------------------------------------

    @property
    def frame(self) -> int:
        """The frame under the cursor."""
        return int(self.slider.value())

    @property
    def playing(self) -> bool:
        """Whether the recording is playing."""
        return bool(self._timer.isActive())

    def _toggle(self) -> None:
        if self.playing:
            self._stop()
            return
        if self.workspace.recording is None:
            return
        if self.frame == self.slider.maximum():
            self.workspace.choose_frame(0)
        elif self.workspace.frame is None:
            self.workspace.choose_frame(self.frame)
        self._restart_clock()
        self._timer.start()
        self.play.setText(_PAUSE)

    def _stop(self) -> None:
        self._timer.stop()
        self.play.setText(_PLAY)

    def _restart_clock(self) -> None:
        recording = self.workspace.recording
        if recording is not None:
            self._played_from = (time.perf_counter(), float(recording.times[self.frame]))

    def _tick(self) -> None:
        recording = self.workspace.recording
        if recording is None:
            self._stop()
            return
        started, first_s = self._played_from
        now_s = first_s + (time.perf_counter() - started) * float(self.speed.currentData())
        frame = int(np.searchsorted(recording.times, now_s, side="right")) - 1
        self.workspace.choose_frame(max(frame, self.frame))
        if self.frame == self.slider.maximum():
            self._stop()

    def _on_slider(self, frame: int) -> None:
        if not self._syncing:
            self._go_to(frame)

    def _step(self, by: int) -> None:
        self._stop()
        self._go_to(self.frame + by)

    def _go_to(self, frame: int) -> None:
        self.workspace.choose_frame(frame)
        self._restart_clock()

    def _go_to_time(self, seconds: float) -> None:
        recording = self.workspace.recording
        if recording is not None:
            self._go_to(int(np.abs(recording.times - seconds).argmin()))

    def _peak(self, direction: int) -> None:
        """Go to the next or previous peak of the chosen assembly."""
        trained, assembly = self.workspace.trained, self.workspace.assembly
        if trained is None or assembly is None:
            return
        found = self._peaks
        ahead = found[found > self.frame] if direction > 0 else found[found < self.frame][::-1]
        if len(ahead):
            self._stop()
            self._go_to(int(ahead[0]))

    def _on_shown(self, shown: bool) -> None:
        if not self._syncing:
            self.workspace.choose_frame(self.frame if shown else None)
            if not shown:
                self._stop()

    def _on_click(self, event: Any) -> None:
        recording, raster = self.workspace.recording, self._raster
        view = self.raster.getPlotItem().getViewBox()
        if (
            recording is None
            or raster is None
            or not view.sceneBoundingRect().contains(event.scenePos())
        ):
            return
        place = view.mapSceneToView(event.scenePos())
        self._go_to_time(place.x())
        row = int(np.floor(place.y()))
        if self.rows_of.currentText() == _ASSEMBLIES and 0 <= row < len(raster.rows):
            self.workspace.choose_assembly(int(raster.rows[row]))

    # --- what is shown --------------------------------------------------------------------

    def _show_recording(self) -> None:
        recording = self.workspace.recording
        self._stop()
        self.message.setVisible(recording is None)
        self.body.setVisible(recording is not None)
        if recording is None:
            return
        self._syncing = True
        try:
            self.slider.setRange(0, recording.n_frames - 1)
            self.slider.setValue(0)
        finally:
            self._syncing = False
        self.traces.show_recording(recording)
        self._show_model()
        self._show_frame()

    def _show_model(self) -> None:
        trained = self.workspace.trained
        self._find_peaks()
        self.rows_of.model().item(0).setEnabled(trained is not None)
        self.rows_of.blockSignals(True)
        self.rows_of.setCurrentText(_NEURONS if trained is None else _ASSEMBLIES)
        self.rows_of.blockSignals(False)
        self._show_readout()
        self._when_visible.request()

    def _show_raster(self) -> None:
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None:
            return
        self._raster = None
        self.image.clear()
        if self.rows_of.currentText() == _ASSEMBLIES and trained is not None:
            self.home.run(
                "Sorting assemblies",
                lambda _: (trained, assembly_raster(trained.activity)),
                self._draw_raster,
                owner=self,
            )
        else:
            weights = None if trained is None else trained.model.weights_
            self.home.run(
                "Drawing neurons",
                lambda _: (trained, neuron_raster(recording.spikes, weights)),
                self._draw_raster,
                owner=self,
            )

    def _draw_raster(self, result: tuple[Trained | None, Raster]) -> None:
        recording = self.workspace.recording
        trained, raster = result
        if recording is None or trained is not self.workspace.trained:
            return
        self._raster = raster
        step = recording.frame_interval_s or 1.0
        width = raster.image.shape[1] * raster.frames_per_column * step
        self.image.setImage(raster.image, levels=(0.0, 1.0))
        self.image.setRect(QRectF(recording.times[0], 0, width, len(raster.rows)))
        of_neurons = self.rows_of.currentText() == _NEURONS
        axis = self.raster.getAxis("left")
        axis.setLabel("Neurons (groups)" if of_neurons else _ASSEMBLIES)
        axis.setTicks(None if of_neurons else [_row_ticks(raster.rows)])
        end = float(recording.times[-1]) + step
        self.raster.setRange(
            xRange=(float(recording.times[0]), end), yRange=(0, len(raster.rows)), padding=0
        )
        self._show_assembly()

    def _find_peaks(self) -> None:
        trained, assembly = self.workspace.trained, self.workspace.assembly
        self._peaks = np.empty(0, dtype=np.int64)
        if trained is not None and assembly is not None and assembly < trained.activity.shape[1]:
            recording = self.workspace.recording
            segments = None if recording is None else recording.segments
            self._peaks = peaks(trained.activity[:, assembly], segments)
        self._offer_peaks()

    def _offer_peaks(self) -> None:
        """Enable the buttons if there is a peak in that direction."""
        self.earlier.setEnabled(bool((self._peaks < self.frame).any()))
        self.later.setEnabled(bool((self._peaks > self.frame).any()))

    def _show_assembly(self) -> None:
        self._find_peaks()
        raster, assembly = self._raster, self.workspace.assembly
        row = np.empty(0, dtype=np.int64)
        if raster is not None and self.rows_of.currentText() == _ASSEMBLIES:
            row = np.flatnonzero(raster.rows == assembly)
        self.row_mark.setVisible(bool(len(row)))
        if len(row):
            self.row_mark.setValue(float(row[0]) + 0.5)

    def _show_frame(self) -> None:
        recording, frame = self.workspace.recording, self.workspace.frame
        if recording is None:
            return
        self._syncing = True
        try:
            self.shown.setChecked(frame is not None)
            if frame is not None:
                self.slider.setValue(frame)
        finally:
            self._syncing = False
        self._offer_peaks()
        now_s = float(recording.times[self.frame])
        for cursor in self.cursors:
            cursor.setValue(now_s)
        self._show_readout()

    def _show_readout(self) -> None:
        recording = self.workspace.recording
        if recording is None:
            return
        now_s = float(recording.times[self.frame])
        active = int(recording.spikes.frame_counts[self.frame])
        text = (
            f"<b>{now_s - recording.times[0]:.1f} s</b>, frame {self.frame:,}: "
            f"{active:,} neurons active"
        )
        trained = self.workspace.trained
        if trained is not None:
            on = trained.activity[self.frame] > trained.active_above
            counted = trained.counted
            text += f", {int((on & counted).sum())} of {int(counted.sum())} assemblies on"
        self.readout.setText(text)


def _row_ticks(rows: NDArray[np.integer]) -> list[tuple[float, str]]:
    """Return tick labels of the rows: numbers of assemblies, at most 25."""
    every = -(-len(rows) // _MOST_TICKS)
    return [(row + 0.5, str(rows[row])) for row in range(0, len(rows), max(every, 1))]
