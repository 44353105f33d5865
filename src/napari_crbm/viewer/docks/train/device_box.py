"""Choice of the device a training runs on; a GPU can be chosen only where there is one."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QWidget

from napari_crbm.model.backends import gpu_problem
from napari_crbm.viewer.jobs.job import Job

_TIP = "Where the training computes. The model is the same up to rounding."


class DeviceBox(QComboBox):
    """Processor or NVIDIA GPU; the latter is dimmed, and says why, where none can be used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.addItem("Processor", "cpu")
        self.addItem("NVIDIA GPU (experimental)", "gpu")
        self._allow_gpu("looking for one ...")
        # Asking means importing a large library where it is installed.
        job = Job(lambda _: gpu_problem(), self)
        job.done.connect(self._allow_gpu)
        job.start()

    @property
    def device(self) -> str:
        """What `Settings.device` should be."""
        return str(self.currentData())

    def _allow_gpu(self, problem: str | None) -> None:
        model: Any = self.model()
        model.item(1).setEnabled(problem is None)
        self.setToolTip(_TIP if problem is None else f"{_TIP}\nNo GPU: {problem}.")
