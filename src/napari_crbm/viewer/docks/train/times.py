"""Estimate how long a training takes: measured in the background while the dock is visible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_crbm.analysis.matching.halves import half_settings
from napari_crbm.errors import CRBMError
from napari_crbm.model import Pace, Settings, measure_pace
from napari_crbm.model.training.compile_ahead import compiled
from napari_crbm.model.training.settings import check_against
from napari_crbm.recording import Recording
from napari_crbm.viewer.docks.train.form import OF_NO_COST, TrainForm
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.parts.when_visible import WhenVisible

if TYPE_CHECKING:
    from napari_crbm.viewer.home import Home


class TrainTimes(QObject):
    """Durations of the training set in a form and of every recipe, on the open recording.

    Emits ``measured`` when a duration has become known.

    Parameters
    ----------
    home : Home
    form : TrainForm
    widget : QWidget
        The dock; nothing is measured while it is hidden.
    """

    measured = Signal()

    def __init__(self, home: Home, form: TrainForm, widget: QWidget) -> None:
        super().__init__(widget)
        self._home = home
        self._form = form
        self._paces: dict[tuple[Any, ...], Pace] = {}
        self._measuring: Job | None = None
        # Settings are typed one key at a time; measure once they have not changed for a while.
        self._settled = QTimer(self, singleShot=True, interval=600)
        # Not while the dock is hidden: measuring takes the processor from other work.
        self._when_visible = WhenVisible(widget, self._measure)
        self._settled.timeout.connect(self._when_visible.request)

    def forget(self) -> None:
        """Discard all measurements and measure again soon."""
        self._paces = {}
        self._settled.start()

    def measure_soon(self) -> None:
        """Measure unknown durations once the settings no longer change."""
        self._settled.start()

    def of(self, settings: Settings) -> float | None:
        """Return the duration of a training in seconds, or None if it is not yet measured."""
        pace = self._paces.get(_cost(settings))
        return None if pace is None else pace.total(settings.n_updates)

    def of_halves(self, settings: Settings) -> float | None:
        """Return the duration in seconds of the trainings on two halves, or None."""
        pace = self._paces.get(_cost(settings))
        return None if pace is None else 2 * pace.total(half_settings(settings).n_updates)

    def _measure(self) -> None:
        recording = self._home.workspace.recording
        runs = self._home.runs
        # Other work at the same time would make the durations too long.
        if recording is None or runs.training or runs.sweeping or not compiled():
            return
        if self._measuring is not None and self._measuring.running:
            self._settled.start()
            return
        try:
            settings = self._form.settings()
            check_against(settings, recording.spikes)
        except CRBMError:
            return
        others = self._form.recipes().values()
        self._paces = paces = {}

        def work(report: Callable[[int, int], None]) -> None:
            # The settings of the form come first; recipes of equal cost are measured once.
            for place, each in enumerate((settings, *others)):
                key = _cost(each)
                if key not in paces:
                    paces[key] = measure_pace(recording.spikes, each)
                report(place, len(others))

        self._measuring = job = Job(work, self)
        job.progressed.connect(lambda *_: self._on_pace(recording))
        job.start()

    def _on_pace(self, recording: Recording) -> None:
        if recording is self._home.workspace.recording:
            self.measured.emit()


def _cost(settings: Settings) -> tuple[Any, ...]:
    """Return the settings on which the time of an update depends."""
    return tuple(value for name, value in settings.as_dict().items() if name not in OF_NO_COST)
