"""Where a training computes: compiled kernels on the processor, or whole arrays on a GPU.

`Training` and `jumps` hold the recipe; a core holds the operations on large arrays that
they are written in. Both cores draw the same random numbers, so that the same seed leads
to the same model up to rounding, and a checkpoint moves from one to the other.
"""

from napari_crbm.model.backends.choice import core_for, gpu_problem
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Core

__all__ = ["NUMBA", "Core", "core_for", "gpu_problem"]
