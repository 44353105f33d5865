"""A recording on the device: packed bits, of which some frames at a time are unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.spikes import CHUNK_FRAMES, Spikes


class ArrayRaster:
    """Packed activity (T, ceil(N / 8)) on the device of an array module ``xp``."""

    def __init__(self, xp: Any, spikes: Spikes) -> None:
        self._xp = xp
        self._packed = xp.asarray(spikes.packed)
        self._shifts = xp.arange(8, dtype=np.uint8)
        self.n_frames, self.n_neurons = spikes.shape

    def parts(self, frames: NDArray[np.int64]) -> Iterator[slice]:
        """Yield positions in ``frames`` that are unpacked together."""
        for start in range(0, len(frames), CHUNK_FRAMES):
            yield slice(start, start + CHUNK_FRAMES)

    def dense(self, frames: NDArray[np.int64]) -> Any:
        """Unpack the chosen frames, (t, N) float32."""
        packed = self._packed[self._xp.asarray(frames)]
        bits = (packed[:, :, None] >> self._shifts) & np.uint8(1)
        return bits.reshape(len(frames), -1)[:, : self.n_neurons].astype(np.float32)
