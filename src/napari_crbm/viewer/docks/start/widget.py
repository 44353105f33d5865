"""The *Start* dock: the next step, the order of the docks, and the keys."""

from __future__ import annotations

from typing import Any, NamedTuple

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.viewer.docks.open import docking, is_docked, raise_dock
from napari_crbm.viewer.docks.recording.widget import RecordingWidget
from napari_crbm.viewer.home import Home, home_of
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.sample_data import sample_folder
from napari_crbm.viewer.shortcuts import help_text

_ROW_PX = 18
_DONE, _NEXT = "✓", "➜"

# Name of each dock, and its purpose.
_WAY = (
    ("Recording", "Open a file and check it"),
    ("Anatomy", "Regions; colours of neurons"),
    ("Preprocess", "Fluorescence to spikes"),
    ("Train", "Find the assemblies"),
    ("Sweep", "How many assemblies?"),
    ("Statistics", "Does the model fit?"),
    ("Assemblies", "Show them in the brain"),
    ("Neurons", "Inspect a neuron or a group"),
    ("Time", "Play the recording"),
    ("States", "What is active together"),
    ("Tuning", "What follows a stimulus"),
    ("Connectivity", "Couplings between regions"),
    ("Compare", "Two models or two animals"),
    ("Figure", "Panels at a journal's width"),
    ("Export", "Figures, tables and movies"),
)


class Situation(NamedTuple):
    """State of the viewer and the next step: texts and the dock to open."""

    headline: str
    detail: str
    action: str
    dock: str


def situation(home: Home) -> Situation:
    """Return the next step."""
    recording, trained = home.workspace.recording, home.workspace.trained
    if home.runs.training:
        return Situation(
            "A model is being trained.",
            "The canvas shows assemblies as they form. Meanwhile you can use and close docks, "
            "pause or stop; nothing is lost.",
            "Watch the training",
            "Train",
        )
    if home.runs.sweeping:
        return Situation(
            "A sweep is running.",
            "Models of several sizes are trained one after the other. Meanwhile you can use and "
            "close docks, or stop the sweep; finished models are kept.",
            "Watch the sweep",
            "Sweep",
        )
    if recording is None:
        return Situation(
            "Open a recording to begin.",
            "Drop a file or folder into the window: CSV, NWB, Suite2p, MATLAB, HDF5 or any "
            "other. It is never changed. Or try the sample, a small simulated fish.",
            "Open a recording...",
            "Recording",
        )
    if trained is None:
        return Situation(
            f"{recording.name}: {recording.n_neurons:,} neurons. Now train a model.",
            "The defaults suit most recordings. Look at the Anatomy dock first if you like.",
            "Train a model",
            "Train",
        )
    return Situation(
        trained.found,
        "Choose assemblies in the table or the gallery, and click neurons in the brain. Then check "
        "in the Statistics dock how well the model fits held-out frames.",
        "Look at the assemblies",
        "Assemblies",
    )


class StartWidget(QWidget):
    """Guide through the docks; opened from the menu, it also opens all other docks."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.setMinimumWidth(320)
        self.headline = text_label("")
        self.headline.setStyleSheet("font-size: 15px; font-weight: bold;")
        self.detail = text_label("")
        self.next = button("", "The next step.", self._go_on)
        self.sample = button(
            "Try the sample", "A small simulated brain with assemblies to find.", self._open_sample
        )
        self.simulate = button(
            "Simulate...",
            "Make a recording with known assemblies of any size (Simulate dock).",
            self._raiser("Simulate"),
        )
        way = QGroupBox("From file to figure")
        grid = QGridLayout(way)
        grid.setColumnStretch(2, 1)
        grid.setVerticalSpacing(1)
        grid.setContentsMargins(9, 4, 9, 4)
        self.marks: dict[str, QLabel] = {}
        for row, (dock, what) in enumerate(_WAY):
            self.marks[dock] = QLabel()
            grid.addWidget(self.marks[dock], row, 0)
            opener = button(dock, f"Bring the {dock} dock to the front.", self._raiser(dock))
            # The whole list must fit a laptop's screen.
            opener.setFixedHeight(_ROW_PX)
            opener.setStyleSheet("padding: 0px 4px;")
            grid.addWidget(opener, row, 1)
            grid.addWidget(text_label(what), row, 2)
        for step in (self.next, self.sample, self.simulate):
            step.setMinimumHeight(30)
        keys = QGroupBox("Keys and mouse")
        QVBoxLayout(keys).addWidget(text_label(help_text()))
        layout = page(self)
        steps = QHBoxLayout()
        steps.addWidget(self.next, 1)
        steps.addWidget(self.sample, 1)
        steps.addWidget(self.simulate)
        layout.addWidget(self.headline)
        layout.addWidget(self.detail)
        layout.addLayout(steps)
        layout.addWidget(way)
        layout.addWidget(keys)
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)

        self.home.runs.training_changed.connect(self._show)
        self.home.runs.sweep_changed.connect(self._show)
        follow(self, self.home.workspace.recording_changed, self._show)
        follow(self, self.home.workspace.trained_changed, self._show)
        self._show()
        # The menu entry of this dock is "Open everything".
        self._others = QTimer(self, singleShot=True, interval=0)
        self._others.timeout.connect(self._open_others)
        self._others.start()

    def _open_others(self) -> None:
        if not is_docked(self.home.viewer):
            self.home.turns.start("docks", docking(self.home.viewer))

    def _raiser(self, dock: str) -> Any:
        return lambda: raise_dock(self.home.viewer, dock)

    def _go_on(self) -> None:
        dock = raise_dock(self.home.viewer, situation(self.home).dock)
        if self.home.workspace.recording is None and not self.home.runs.sweeping:
            # The dock shows the reading options, and opens folders too.
            dock.findChild(RecordingWidget).choose()

    def _open_sample(self) -> None:
        self.home.opening.open_file(sample_folder() / "recording.h5")

    def _show(self) -> None:
        now = situation(self.home)
        self.headline.setText(now.headline)
        self.detail.setText(now.detail)
        self.next.setText(now.action)
        workspace = self.home.workspace
        for choice in (self.sample, self.simulate):
            choice.setVisible(workspace.recording is None)
        done = {
            "Recording": workspace.recording is not None,
            "Train": workspace.trained is not None,
        }
        for dock, mark in self.marks.items():
            mark.setText(_DONE if done.get(dock) else _NEXT if dock == now.dock else "")
