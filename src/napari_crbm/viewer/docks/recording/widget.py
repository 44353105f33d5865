"""The *Recording* dock: open a file and summarise what is in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.palette import BLUE
from napari_crbm.recording import Recording, extent_text
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.docks.recording.health_panel import HealthPanel
from napari_crbm.viewer.docks.recording.reading_form import ReadingForm
from napari_crbm.viewer.docks.recording.sessions_panel import SessionsPanel
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.saved_fields import ask_folder, ask_open, save_field
from napari_crbm.viewer.parts.style import button, page, plot, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_EMPTY = (
    "No recording yet.\n\nOpen a file or folder with neuron positions and activity, drop it on the "
    "window, or try the sample."
)
_BINS = 40


class RecordingWidget(QWidget):
    """Choose a recording; summary and activity histogram of the open one."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.setMinimumWidth(320)
        self.setAcceptDrops(True)

        self.open_button = button(
            "Open file...",
            "Read a recording: HDF5 (napari-crbm, the paper, Fishualizer, CaImAn, voluseg),\n"
            "NWB, MATLAB or NumPy. The file is never changed.",
            self.choose,
        )
        self.folder_button = button(
            "Open folder...",
            "Read a Suite2p output folder (the one that holds plane0, or a plane itself),\n"
            "a folder with TimeSeries.h5 and data_full.mat, or a Zarr store.",
            self._choose_folder,
        )
        self.map_button = button(
            "Other file...",
            "Open any HDF5, MATLAB, NumPy or Zarr file and choose which array holds positions\n"
            "and which activity. For files of unknown layout this dialog opens by itself.",
            self._choose_any,
        )
        self.cancel_button = button("Cancel", "Stop opening the file.", self.home.opening.cancel)
        self.cancel_button.hide()
        self.waiting_button = button(
            "", "It was read while a training was running.", self.home.show_waiting
        )
        self.sample_button = button(
            "Try the sample",
            "A small simulated brain with assemblies to find; ready at once.",
            self._open_sample,
        )
        self.drop_unlabelled = QCheckBox("Leave out neurons in no region")
        self.drop_unlabelled.setToolTip(
            "The published analysis keeps only neurons inside a labelled brain region.\n"
            "Takes effect when a recording is opened."
        )
        self.detect_events = QCheckBox("Detect events in fluorescence")
        self.detect_events.setToolTip(
            "For files without binarised spikes: a neuron is active where its dF/F rises\n"
            "by more than this many standard deviations of its noise."
        )
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0.5, 20.0)
        self.threshold.setSingleStep(0.5)
        self.threshold.setValue(2.5)
        self.threshold.setSuffix(" sd")
        self.threshold.setEnabled(False)
        self.detect_events.toggled.connect(self.threshold.setEnabled)
        for name, control in (
            ("recording/drop_unlabelled", self.drop_unlabelled),
            ("recording/detect_events", self.detect_events),
            ("recording/threshold", self.threshold),
        ):
            save_field(name, control)
        self.reading = ReadingForm()
        self.again_button = button(
            "Read again", "Open the present file again with these options.", self._read_again
        )
        self.reading.toggle.toggled.connect(self._show_again)
        self.message = text_label(_EMPTY)
        self.summary = QFormLayout()
        self.summary.setHorizontalSpacing(16)
        self.histogram = plot(self.home.viewer, "Active frames (%)", "Neurons")
        self.histogram.setToolTip(
            "How often each neuron is active. A cRBM suits 1 to 5 % on average;\n"
            "far outside, check how the activity was binarised."
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.folder_button)
        more = QHBoxLayout()
        more.addWidget(self.map_button)
        more.addWidget(self.sample_button)
        layout = page(self)
        layout.addLayout(buttons)
        layout.addLayout(more)
        layout.addWidget(self.drop_unlabelled)
        detection = QHBoxLayout()
        detection.addWidget(self.detect_events)
        detection.addWidget(self.threshold)
        layout.addLayout(detection)
        layout.addWidget(self.reading)
        layout.addWidget(self.again_button)
        layout.addWidget(self.message)
        layout.addWidget(self.waiting_button)
        layout.addWidget(self.cancel_button)
        layout.addLayout(self.summary)
        self.sessions = SessionsPanel(self.home.run, self.home.workspace.open, self.options)
        layout.addWidget(self.sessions)
        self.health = HealthPanel(self.home.run, self.home.workspace.open)
        layout.addWidget(self.health)
        self.details = QWidget()
        inner = QVBoxLayout(self.details)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.histogram, 1)
        layout.addWidget(self.details, 1)
        layout.addStretch(0)

        self.home.busy_changed.connect(self._show_busy)
        self.home.waiting_changed.connect(self._show_waiting)
        self.home.runs.training_changed.connect(self._show_waiting)
        follow(self, self.home.workspace.recording_changed, self._show_recording)
        follow(self, self.home.workspace.trained_changed, self._show_summary)
        self._show_recording()
        self._show_waiting()

    def choose(self) -> None:
        """Ask for the file of a recording and open it."""
        path = ask_open(
            self,
            "Open a recording",
            "Recordings (*.h5 *.hdf5 *.npz *.mat *.npy *.nwb *.nc *.h5ad);;All files (*)",
        )
        if path:
            self.home.opening.open_file(path, **self.options())

    def _choose_folder(self) -> None:
        path = ask_folder(self, "Open a folder of an imaging program, or a Zarr store")
        if path:
            self.home.opening.open_file(path, **self.options())

    def _choose_any(self) -> None:
        path = ask_open(
            self,
            "Open a file of any layout",
            "Arrays (*.h5 *.hdf5 *.mat *.npz *.npy);;All files (*)",
        )
        if path:
            self.home.opening.map_file(path)

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
        """Accept files, also those that other plugins would open."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        """Open the first of the dropped files."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.home.opening.open_file(paths[0], **self.options())

    def options(self) -> dict[str, Any]:
        """Options of `napari_crbm.io.open_recording` for the next file."""
        chosen: dict[str, Any] = {"keep_unlabelled": not self.drop_unlabelled.isChecked()}
        chosen |= self.reading.options()
        if self.detect_events.isChecked():
            chosen["binarise"] = self.threshold.value()
        return chosen

    def _source(self) -> str:
        """Path of the file of the open recording; empty if it has none."""
        recording = self.home.workspace.recording
        return "" if recording is None or recording.source is None else str(recording.source.path)

    def _read_again(self) -> None:
        if self._source():
            self.home.opening.open_file(self._source(), **self.options())

    def _show_again(self) -> None:
        self.again_button.setVisible(self.reading.toggle.isChecked() and bool(self._source()))

    def _open_sample(self) -> None:
        from napari_crbm.viewer.sample_data import sample_folder

        self.home.opening.open_file(sample_folder() / "recording.h5")

    def _show_busy(self, text: str) -> None:
        opening = bool(text) and self.home.opening.under_way
        for control in (
            *(self.open_button, self.folder_button, self.sample_button, self.map_button),
            self.again_button,
        ):
            control.setEnabled(not opening)
        self.cancel_button.setVisible(opening)
        if text:
            self.message.setText(text)
            self.message.show()
        else:
            self._show_message()

    def _show_waiting(self) -> None:
        """Offer a file that was read during a training, once that has ended."""
        waiting = self.home.waiting
        self.waiting_button.setVisible(waiting is not None)
        self.waiting_button.setEnabled(not self.home.runs.training)
        if waiting is not None:
            after = " (after the training)" if self.home.runs.training else ""
            self.waiting_button.setText(f"Open {waiting.path.name}{after}")

    def _show_message(self) -> None:
        nothing = self.home.workspace.recording is None
        self.message.setText(_EMPTY if nothing else "")
        self.message.setVisible(nothing)

    def _show_recording(self) -> None:
        recording = self.home.workspace.recording
        self._show_summary()
        self._show_again()
        self.details.setVisible(recording is not None)
        self.health.check(recording)
        self.sessions.open(recording)
        self._show_message()
        if recording is None:
            return
        activity = 100 * recording.spikes.mean_activity
        # Without any activity the axis spans 0 to 1 %.
        upper = float(np.quantile(activity, 0.995)) or float(activity.max()) or 1.0
        counts, edges = np.histogram(activity, _BINS, range=(0, upper))
        self.histogram.clear()
        self.histogram.addItem(
            pg.BarGraphItem(x0=edges[:-1], x1=edges[1:], y0=0, y1=counts, brush=BLUE, pen=None)
        )

    def _show_summary(self) -> None:
        """Show the summary; where neurons without position are drawn depends on the model."""
        recording = self.home.workspace.recording
        while self.summary.rowCount():
            self.summary.removeRow(0)
        summary = {} if recording is None else summary_of(recording)
        for label, value in summary.items():
            self.summary.addRow(text_label(label, wrap=False), text_label(value))


def summary_of(recording: Recording) -> dict[str, str]:
    """Summarise a recording: labels and values in the order in which they are shown."""
    interval = recording.frame_interval_s
    minutes, seconds = divmod(recording.duration_s, 60)
    summary = {
        "Name": recording.name,
        "Neurons": f"{recording.n_neurons:,}",
        "Frames": f"{recording.n_frames:,}",
        "Duration": f"{minutes:.0f} min {seconds:.0f} s"
        + (f" at {1 / interval:.2f} Hz" if interval else ""),
        "Extent": extent_text(recording).replace(" um", " µm"),
        "Mean activity": f"{100 * recording.spikes.rate:.2f} % of neurons per frame",
    }
    if recording.regions is not None:
        summary["Regions"] = (
            f"{len(recording.regions.names)}; "
            f"{100 * recording.regions.labelled.mean():.0f} % of the neurons lie in a region"
        )
    if recording.traces:
        summary["Traces"] = ", ".join(recording.traces)
    if note := place_neurons(recording).note:
        summary["Positions"] = note
    if not recording.spikes.rate:
        summary["Note"] = (
            "No neuron is active in any frame, so no model can be trained: check how the activity "
            "was binarised."
        )
    return summary
