"""Mention a running training or sweep in the dialog that napari shows before it closes."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject

from napari_crbm.viewer.jobs.runs import Runs
from napari_crbm.viewer.jobs.temporal import TemporalRun

_PROVIDER = "napari-crbm"


class CloseNotice(QObject):
    """Keep napari's list of running tasks up to date with trainings and a sweep.

    Before napari closes a window with running tasks, it lists them and asks for confirmation.
    The list is private API; in a napari version without it, nothing is shown.

    Parameters
    ----------
    window : napari.window.Window
    runs : Runs
    temporal : TemporalRun
    parent : QObject
        The owner of this object.
    """

    def __init__(self, window: Any, runs: Runs, temporal: TemporalRun, parent: QObject) -> None:
        super().__init__(parent)
        self._runs, self._temporal = runs, temporal
        self._register = getattr(window, "_register_task_status", None)
        self._update = getattr(window, "_update_task_status", None)
        self._tasks: dict[str, Any] = {}
        runs.training_changed.connect(self._follow)
        runs.sweep_changed.connect(self._follow)
        temporal.changed.connect(self._follow)

    def _follow(self) -> None:
        runs = self._runs
        self._show("training", runs.training, "a training is running; it can be continued later")
        self._show(
            "sweep", runs.sweeping, "a sweep is running; it can be continued in the same folder"
        )

        self._show(
            "temporal",
            self._temporal.training,
            "a temporal model is being trained; the training can be continued later",
        )

    def _show(self, kind: str, running: bool, text: str) -> None:
        if self._register is None or self._update is None:
            return
        from napari.utils.task_status import Status

        if running and kind not in self._tasks:
            self._tasks[kind] = self._register(_PROVIDER, Status.BUSY, text, None)
        elif not running and kind in self._tasks:
            self._update(self._tasks.pop(kind), Status.COMPLETED, "")
