"""Backends: compiled kernels on the processor, or whole arrays on a GPU.

Training and sampling are written in the operations of a `Backend` on large arrays. All backends
draw the same random numbers, so that the same seed gives the same model up to rounding, and a
checkpoint of one can be continued on another.
"""

from napari_crbm.model.backends.choice import backend_for, gpu_problem
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Backend

__all__ = ["NUMBA", "Backend", "backend_for", "gpu_problem"]
