"""The choice of a device: a GPU can be chosen only where one can be used."""

from __future__ import annotations

from magicgui.widgets import ComboBox

from napari_crbm.model.backends import gpu_problem
from napari_crbm.viewer.jobs.job import Job

_CHOICES = (
    ("Processor", "cpu"),
    ("NVIDIA GPU (experimental)", "gpu"),
    ("GPU if there is one", "auto"),
)


def offer_gpu_where_there_is_one(field: ComboBox) -> None:
    """Name the devices of a combo box; dim the GPU and say why where none can be used.

    Parameters
    ----------
    field : ComboBox
        With the declared values of `Settings.device`.
    """
    field.choices = _CHOICES
    box, help_text = field.native, field.tooltip or ""
    gpu = [name for _, name in _CHOICES].index("gpu")

    def allow(problem: str | None) -> None:
        box.model().item(gpu).setEnabled(problem is None)
        box.setToolTip(help_text if problem is None else f"{help_text}\nNo GPU: {problem}.")

    allow("looking for one ...")
    # Looking for one imports a large library where that is installed.
    job = Job(lambda _: gpu_problem(), box)
    job.done.connect(allow)
    job.start()
