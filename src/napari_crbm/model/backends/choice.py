"""Choose the backend of a training, and say why a GPU cannot be used."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from napari_crbm.errors import ModelError, install_extra
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Backend


@cache
def gpu_problem() -> str | None:
    """Say why no GPU can be used here, as a clause; None if one can. Imports CuPy if installed."""
    try:
        import cupy
    except ImportError:
        return f"the library CuPy is not installed: {install_extra('gpu')}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        # CuPy raises whatever the driver reports, and without a driver something else again.
        return f"CuPy found no working NVIDIA driver ({error})"
    return None if count else "this machine has no NVIDIA GPU"


def resolved(device: str) -> Literal["cpu", "gpu"]:
    """Resolve `Settings.device` on this machine to "cpu" or "gpu".

    Raises
    ------
    ModelError
        If a GPU is asked for where none can be used.
    """
    if device == "cpu" or (device == "auto" and gpu_problem() is not None):
        return "cpu"
    problem = gpu_problem()
    if problem is not None:
        raise ModelError(
            f"Training on a GPU was asked for, but {problem}. Train on the processor instead "
            "(device 'cpu'); the model is the same up to rounding."
        )
    return "gpu"


def backend_for(device: str) -> Backend:
    """Return the backend for "cpu" or "gpu", see `resolved`."""
    return NUMBA if device == "cpu" else _gpu_backend()


@cache
def _gpu_backend() -> Any:
    import cupy

    from napari_crbm.model.backends.array_backend import ArrayBackend

    return ArrayBackend(cupy, cupy.asnumpy, lambda: cupy.cuda.Device().synchronize())
