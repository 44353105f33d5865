"""The *Simulate* dock: write a recording with known assemblies and open it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QProgressBar, QWidget

from napari_crbm.declarations import COMMON, RARE, declared
from napari_crbm.errors import CRBMError
from napari_crbm.simulation import simulate_to_file
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.parts.forms import Form
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.saved_fields import ask_save
from napari_crbm.viewer.parts.style import button, page, text_label

_WHAT = (
    "Simulates a larval zebrafish brain with planted assemblies, writes it to a file and opens it. "
    "The file also holds the planted assemblies, to compare with those that a model finds."
)
_START, _CANCEL = "Simulate to file...", "Cancel"


class SimulateWidget(QWidget):
    """Settings of a simulation, progress, and the file to write."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.setMinimumWidth(320)
        self._job: Job | None = None
        settings = declared(SimulationSettings)
        self.form = Form(
            [each for each in settings if each.group == COMMON],
            [each for each in settings if each.group == RARE],
        )
        self.form.save("simulate")
        self.form.changed.connect(self._show_size)
        self.size = text_label("")
        self.start = button(_START, "Choose a file; it is written in the background.", self._toggle)
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = text_label("")
        layout = page(self)
        for part in (text_label(_WHAT), self.form, self.size, self.start, self.bar, self.status):
            layout.addWidget(part)
        layout.addStretch(1)
        self._show_size()

    def settings(self) -> SimulationSettings:
        """Return the settings as entered.

        Raises
        ------
        ModelError
            If a field holds no value of its setting.
        """
        return SimulationSettings(**self.form.values())

    def write(self, path: Path) -> None:
        """Simulate to a file in the background, then open it."""
        try:
            settings = self.settings()
        except CRBMError as error:
            show_error(str(error))
            return

        def work(report: Callable[[int, int], None]) -> Path:
            return simulate_to_file(path, progress=report, **settings.as_dict())

        self.start.setText(_CANCEL)
        self.form.allow(False)
        self.bar.setRange(0, settings.n_frames)
        self.bar.setValue(0)
        self.bar.setFormat("%v of %m frames")
        self.bar.show()
        self.status.setText("")
        self._job = job = self.home.run(
            f"Simulating {path.name}", work, self._written, self._end, owner=self
        )
        job.progressed.connect(lambda done, _total: self.bar.setValue(done))
        job.cancelled.connect(self._cancelled)

    def _toggle(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        path = ask_save(self, "Simulate to", "simulated.h5", "Recordings (*.h5)")
        if path:
            self.write(path)

    def _written(self, path: Path) -> None:
        self._end()
        self.status.setText(f"Wrote {path.name}.")
        self.home.opening.open_file(path)

    def _cancelled(self) -> None:
        self._end()
        self.status.setText("Cancelled; no file was written.")

    def _end(self) -> None:
        self._job = None
        self.start.setText(_START)
        self.form.allow(True)
        self.bar.hide()

    def _show_size(self) -> None:
        """Show the size of the file, or what is wrong with the settings."""
        try:
            settings = self.settings()
        except CRBMError as error:
            self.size.setText(str(error))
            return
        bytes_each = 1 / 8 + 4 * settings.fluorescence
        megabytes = settings.n_neurons * settings.n_frames * bytes_each / 1e6
        self.size.setText(f"The file takes at most about {max(megabytes, 1):,.0f} MB.")
