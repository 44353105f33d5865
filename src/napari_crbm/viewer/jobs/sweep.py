"""A sweep that runs beside the viewer, seen from the GUI thread."""

from __future__ import annotations

import time
from pathlib import Path

from qtpy.QtCore import QObject

from napari_crbm.analysis import Selection, Sweep, SweepProgress, conclude_sweep, run_sweep
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.long_run import LongRun


class SweepSession(LongRun):
    """Carry out a `Sweep` in a thread of its own; what it has found stays here.

    ``finished`` brings the `Selection`, or None when it was stopped before.

    Parameters
    ----------
    recording : Recording
    sweep : Sweep
    folder : Path
        For models and results; an earlier sweep in it goes on.
    n_workers : int
        Trainings at once.
    scheduler : str, optional
        Address of a Dask scheduler whose workers train instead.
    parent : QObject, optional
    """

    def __init__(
        self,
        recording: Recording,
        sweep: Sweep,
        folder: Path,
        *,
        n_workers: int = 1,
        scheduler: str | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__("sweep", parent)
        self.recording, self.sweep, self.folder = recording, sweep, folder
        self.n_workers, self.scheduler = n_workers, scheduler
        self.progress: SweepProgress | None = None
        self.selection: Selection | None = None
        self._first: tuple[float, int] | None = None

    @property
    def model_path(self) -> Path:
        """File of the selected model, once there is one."""
        return self.folder / "selected.model.h5"

    @property
    def seconds_left(self) -> float | None:
        """How long the trainings will take, told by those that ended since the start."""
        if self.progress is None or self._first is None:
            return None
        started, before = self._first
        done = self.progress.done - before
        if not done:
            return None
        return (time.monotonic() - started) / done * (self.progress.total - self.progress.done)

    def _work(self) -> Selection | None:
        from napari_crbm.figures import save_figure, sweep_figure

        for progress in run_sweep(
            self.recording,
            self.sweep,
            self.folder,
            n_workers=self.n_workers,
            scheduler=self.scheduler,
            control=self.control,
        ):
            if self._first is None:
                self._first = (time.monotonic(), progress.done)
            self.progress = self._latest = progress
        if self.control.stopped or self.progress is None:
            return None
        selection = conclude_sweep(
            self.recording, self.sweep, self.progress.table, self.folder, control=self.control
        )
        if self.control.stopped:
            return None
        self.selection = selection
        save_figure(sweep_figure(selection), self.folder / "selection.png")
        return selection
