"""The *Dreams* dock: generated beside recorded activity, playable, with numbers that judge it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSlider,
    QWidget,
)

from napari_crbm.analysis import Dream, held_state, movie, snapshots
from napari_crbm.errors import CRBMError, ModelError
from napari_crbm.recording import Recording
from napari_crbm.temporal import TemporalModel
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.layers.dreams import DreamLayers
from napari_crbm.viewer.parts.dataframe_table import Column, DataFrameView
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.style import button, count_box, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_WHAT = (
    "Draws activity from the model and shows it beside the recording, recorded on the left. The "
    "numbers say how well a classifier tells the two apart."
)
_NO_MODEL = "Open a recording and a model of it first (Recording and Train docks)."
_NO_TEMPORAL = (
    "Open a temporal model, or train one in the Time dock: only it has an order of frames."
)
_START, _CANCEL, _PLAY, _PAUSE = "Generate", "Cancel", "Play", "Pause"
#: What can be generated.
KINDS = {
    "snapshots": "Snapshots (independent samples)",
    "held": "Held state (draws given one frame)",
    "temporal": "Movie by the temporal model",
    "copula": "Movie by the copula process",
}
_MOVIES = ("temporal", "copula")
_FRAMES, _MOVIE_FRAMES = 12, 120
_STILL_MS = 500
_EXPORTS = "Movie (*.gif);;Movie (*.mp4);;Page with all frames and numbers (*.pdf *.svg *.png)"
_COLUMNS = (
    Column("features", "By", 80, "{}", "What the classifier sees."),
    Column("compared", "Held-out frames against", 150, "{}"),
    Column("auc", "AUC", 50, "{:.2f}", "0.5: it cannot tell them apart; 1: it always can."),
)


class DreamsWidget(QWidget):
    """Choice of what is generated, progress, player, numbers, and export."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self.layers = DreamLayers(napari_viewer)
        self.dream: Dream | None = None
        self._shown_of: tuple[object, object] = (None, None)
        self._job: Job | None = None

        self.message = text_label(_WHAT)
        self.kind = QComboBox()
        for key, name in KINDS.items():
            self.kind.addItem(name, key)
        self.kind.setToolTip("What is drawn, and by what.")
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.frames = count_box(1, 2000, _FRAMES, "Frames on each side.")
        self.frame = count_box(0, 0, 0, "The recorded frame whose assemblies are held.")
        self.seed = count_box(0, 1_000_000, 0, "Seed of all random numbers.")
        self.open_temporal = button(
            "Temporal model...",
            "Open a temporal model of the shown model. The Time dock trains one.",
            self._ask_temporal,
        )
        self._form = form = QFormLayout()
        for label, field in (
            ("Draw", self.kind),
            ("Frames", self.frames),
            ("Recorded frame", self.frame),
            ("Seed", self.seed),
        ):
            form.addRow(label, field)
        self.start = button(_START, "Runs in the background.", self._toggle)
        self.bar = QProgressBar()
        self.bar.hide()
        self.play = button(_PLAY, "Play both sides, again and again.", self._play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Frame that is shown.")
        self.slider.valueChanged.connect(self._on_slider)
        self.clock = QLabel()
        self.export = button(
            "Export...", "Write a movie, or a page with all frames and the numbers.", self._ask_path
        )
        self.player = QWidget()
        row = QHBoxLayout(self.player)
        row.setContentsMargins(0, 0, 0, 0)
        for part in (self.play, self.slider, self.clock, self.export):
            row.addWidget(part)
        self.verdict = text_label("")
        self.table = DataFrameView(
            _COLUMNS, "Training frames and independent neurons are the two ends of the scale."
        )
        layout = page(self, self._leave)
        layout.addWidget(self.message)
        layout.addLayout(form)
        for part in (self.open_temporal, self.start, self.bar, self.player, self.verdict):
            layout.addWidget(part)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        follow(self, self.workspace.recording_changed, self._forget)
        follow(self, self.workspace.trained_changed, self._forget)
        follow(self, self.workspace.frame_changed, self._follow_frame)
        self.home.temporal.changed.connect(self._refresh)
        self._forget()

    # --- generating --------------------------------------------------------------------------

    @property
    def chosen(self) -> str:
        """Key of `KINDS`."""
        return str(self.kind.currentData())

    def _toggle(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        trained, recording = self.workspace.trained, self.workspace.recording
        assert trained is not None and recording is not None
        work = self._work(trained.model, recording)
        of = (trained.model, recording)

        def done(dream: Dream) -> None:
            self._job = None
            if of == self._open:
                self._show(dream)
            self._refresh()

        self._job = self.home.run("Generating activity", work, done, self._ended, owner=self)
        self._job.progressed.connect(self._on_progress)
        self._job.cancelled.connect(self._ended)
        self._refresh()

    def _work(
        self, model: Any, recording: Recording
    ) -> Callable[[Callable[[int, int], None]], Dream]:
        """Return what generates, with the settings as they are now."""
        kind, n_frames, seed = self.chosen, self.frames.value(), self.seed.value()
        frame, temporal = self.frame.value(), self.temporal

        def work(report: Callable[[int, int], None]) -> Dream:
            if kind == "snapshots":
                return snapshots(model, recording, n_frames, random_state=seed, report=report)
            if kind == "held":
                return held_state(
                    model, recording, frame, n_frames, random_state=seed, report=report
                )
            if temporal is None:
                raise ModelError(_NO_TEMPORAL)
            return movie(
                temporal,
                recording,
                "temporal" if kind == "temporal" else "copula",
                n_frames,
                random_state=seed,
                report=report,
            )

        return work

    def _ended(self) -> None:
        self._job = None
        self._refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)

    @property
    def _open(self) -> tuple[object, object]:
        trained = self.workspace.trained
        return (None if trained is None else trained.model, self.workspace.recording)

    @property
    def temporal(self) -> TemporalModel | None:
        """The temporal model of the shown model, which the *Time* dock trains and opens."""
        return self.home.temporal.model

    # --- temporal model ----------------------------------------------------------------------

    def _ask_temporal(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a temporal model", "", "Model (*.h5)")
        if path:
            self.read_temporal(Path(path))

    def read_temporal(self, path: Path) -> None:
        """Read a temporal model of the open recording."""
        try:
            self.home.temporal.open(path)
        except (CRBMError, OSError) as error:
            show_error(str(error))

    # --- what is shown -----------------------------------------------------------------------

    def _show(self, dream: Dream) -> None:
        self.dream = dream
        self.verdict.setText("".join(f"<p>{escape(each)}</p>" for each in dream.sentences))
        self.table.show_table(dream.discrimination.table)
        self.layers.show(dream)
        self.slider.setRange(0, dream.generated.n_frames - 1)
        self.slider.setValue(0)
        self._say_clock(0)

    def _on_slider(self, frame: int) -> None:
        if self.dream is not None:
            self.layers.go_to(frame)
            self._say_clock(frame)

    def _say_clock(self, frame: int) -> None:
        dream = self.dream
        assert dream is not None
        if dream.kind == "movie":
            self.clock.setText(f"{dream.recorded.times[frame]:.1f} s")
        else:
            self.clock.setText(f"{frame + 1} of {dream.generated.n_frames}")

    @property
    def playing(self) -> bool:
        """Whether frames follow each other by themselves."""
        return self._timer.isActive()

    def _play(self) -> None:
        if self.playing or self.dream is None:
            self._timer.stop()
        else:
            seconds = self.dream.recorded.frame_interval_s
            still = self.dream.kind != "movie" or not seconds
            self._timer.start(_STILL_MS if still else max(round(1000 * float(seconds)), 15))
        self.play.setText(_PAUSE if self.playing else _PLAY)

    def _tick(self) -> None:
        after = self.slider.value() + 1
        self.slider.setValue(after if after <= self.slider.maximum() else 0)

    # --- export ------------------------------------------------------------------------------

    def _ask_path(self) -> None:
        path, chosen = QFileDialog.getSaveFileName(self, "Export", "dream.gif", _EXPORTS)
        if path:
            ending = chosen[chosen.find("*.") + 1 :].split(")")[0].split()[0]
            self.write(Path(path) if Path(path).suffix else Path(f"{path}{ending}"))

    def write(self, path: Path) -> None:
        """Write a movie or a page, by the ending of the name, in the background."""
        dream = self.dream
        if dream is None:
            return

        def work(_report: object) -> Path:
            from napari_crbm.figures import dream_figure, save_dream_movie, save_figure
            from napari_crbm.figures.dreams import MOVIE_ENDINGS

            if path.suffix.lower() in MOVIE_ENDINGS:
                return save_dream_movie(dream, path)
            return save_figure(dream_figure(dream), path)

        self.export.setEnabled(False)

        def done(written: Path) -> None:
            self.export.setEnabled(True)
            show_info(f"Wrote {written}.")

        self.home.run("Writing", work, done, lambda: self.export.setEnabled(True), owner=self)

    # --- state -------------------------------------------------------------------------------

    def _on_kind(self) -> None:
        moving = self.chosen in _MOVIES
        if self.frames.value() in (_FRAMES, _MOVIE_FRAMES):
            self.frames.setValue(_MOVIE_FRAMES if moving else _FRAMES)
        self._refresh()

    def _follow_frame(self) -> None:
        if self.workspace.frame is not None:
            self.frame.setValue(self.workspace.frame)

    def _forget(self) -> None:
        """Drop what was generated for another model or recording."""
        if self._open != self._shown_of:
            if self._job is not None:
                self._job.cancel()
            self._shown_of = self._open
            self._leave()
            self.dream = None
        recording = self.workspace.recording
        self.frame.setMaximum(0 if recording is None else recording.n_frames - 1)
        self._follow_frame()
        self._refresh()

    def _leave(self) -> None:
        self._timer.stop()
        self.play.setText(_PLAY)
        if self.dream is not None:
            self.layers.hide()

    def _refresh(self) -> None:
        running, kind = self._job is not None, self.chosen
        ready = None not in self._open
        lacking = kind in _MOVIES and self.temporal is None
        self.message.setText(_NO_MODEL if not ready else _NO_TEMPORAL if lacking else _WHAT)
        self._form.setRowVisible(self.frame, kind == "held")
        self.open_temporal.setVisible(kind in _MOVIES)
        for field in (self.kind, self.frames, self.frame, self.seed, self.open_temporal):
            field.setEnabled(ready and not running)
        self.start.setText(_CANCEL if running else _START)
        self.start.setEnabled(running or (ready and not lacking))
        if running and self.bar.isHidden():
            self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        for part in (self.player, self.verdict, self.table):
            part.setVisible(self.dream is not None)
