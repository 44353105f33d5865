"""Numerical foundations: kernels, weights, bits, random numbers and threads."""

# The thread policy must stand before Numba is first imported, and all that uses Numba needs
# this room.
from napari_crbm.model.compute import threads

__all__ = ["threads"]
