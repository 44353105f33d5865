"""A sweep in a background thread, controlled from the GUI thread."""

from __future__ import annotations

import time
from pathlib import Path

from qtpy.QtCore import QObject

from napari_crbm.analysis import Selection, Sweep, SweepProgress, conclude_sweep, run_sweep
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.long_run import LongRun


class SweepSession(LongRun):
    """Run a `Sweep` in its own thread and store its results.

    Emits ``finished(selection)`` with a `Selection`, or None if the sweep was stopped.

    Parameters
    ----------
    recording : Recording
    sweep : Sweep
    folder : Path
        Folder for models and results; an unfinished sweep in it is continued.
    n_workers : int
        Number of trainings at the same time.
    scheduler : str, optional
        Address of a Dask scheduler whose workers run the trainings.
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
        """Path of the selected model; the file exists after the sweep has finished."""
        return self.folder / "selected.model.h5"

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining time in seconds from the trainings finished so far, or None."""
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
