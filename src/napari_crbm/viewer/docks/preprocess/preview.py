"""Plot of the *Preprocess* dock: effect of the steps on one neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout

from napari_crbm.palette import BLUE, GREEN, GREY, ORANGE
from napari_crbm.preprocessing import Steps, first_frame, frame_rate_hz, kept_frames, stages
from napari_crbm.recording import Recording
from napari_crbm.viewer.parts.style import plot, text_label


class TracePreview(QVBoxLayout):
    """The trace of a neuron, its baseline, its active frames and those left out.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the plot follows.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._trace: tuple[Recording, int, NDArray[np.float32]] | None = None
        self.plot = plot(viewer, "Time", "Fluorescence", "s", height=150)
        self.plot.setToolTip(
            "Blue: the trace. Orange: its baseline. Green: frames in which the neuron is active.\n"
            "Grey: frames that are left out."
        )
        self._curve = self.plot.plot(pen=pg.mkPen(BLUE, width=1))
        self._curve.setDownsampling(auto=True, method="peak")
        self._curve.setClipToView(True)
        self._level = self.plot.plot(pen=pg.mkPen(ORANGE, width=1))
        # One grey line per frame left out, separated by gaps.
        faint = pg.mkColor(GREY)
        faint.setAlpha(70)
        self._left_out = self.plot.plot(pen=pg.mkPen(faint, width=1), connect="finite")
        self._left_out.setZValue(-1)
        self._active = pg.ScatterPlotItem(size=5, pen=None, brush=pg.mkBrush(GREEN), symbol="t1")
        self.plot.addItem(self._active)
        self.caption = text_label("")
        self.addWidget(self.plot, 1)
        self.addWidget(self.caption)

    def hide(self) -> None:
        """Hide the plot: the recording has no fluorescence, or the method does not use it."""
        self.plot.hide()
        self.caption.setText("")

    def show_neuron(self, recording: Recording, neuron: int, steps: Steps) -> None:
        """Draw a neuron after the preprocessing steps.

        Raises
        ------
        CRBMError
            If the steps cannot be applied.
        """
        self.plot.show()
        first = first_frame(recording, steps)
        frames = kept_frames(recording, steps)
        made = stages(
            self._trace_of(recording, neuron)[first:, None], frame_rate_hz(recording), steps
        )
        times = recording.times[first:]
        trace = self._trace_of(recording, neuron)[first:]
        self._curve.setData(times, trace)
        baseline = made.baseline
        self._level.setData(
            times if baseline is not None else [], baseline[:, 0] if baseline is not None else []
        )
        kept = np.zeros(recording.n_frames, dtype=bool)
        kept[frames] = True
        active = np.flatnonzero(made.active[:, 0] & kept[first:])
        top = float(np.nanmax(trace)) if np.isfinite(trace).any() else 0.0
        self._active.setData(times[active], np.full(len(active), top))
        gone = recording.times[~kept]
        low = float(np.nanmin(trace)) if np.isfinite(trace).any() else 0.0
        # At most about 1,000 lines: more would be slow to draw.
        gone = gone[:: max(1, len(gone) // 1000)]
        lines = np.tile([low, top, np.nan], len(gone))
        self._left_out.setData(np.repeat(gone, 3), lines)
        self.caption.setText(
            f"<b>Neuron {neuron}</b>: active in {len(active):,} of {len(frames):,} frames "
            f"({100 * len(active) / len(frames):.1f} %). Click another neuron in the brain."
        )

    def _trace_of(self, recording: Recording, neuron: int) -> NDArray[np.float32]:
        known = self._trace
        if known is None or known[0] is not recording or known[1] != neuron:
            assert recording.fluorescence is not None
            known = self._trace = (recording, neuron, recording.fluorescence.trace(neuron))
        return known[2]
