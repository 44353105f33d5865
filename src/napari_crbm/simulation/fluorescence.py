"""Simulate GCaMP-like fluorescence from a raster, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

#: Rise and decay times of GCaMP6s as measured for these recordings, seconds
#: (van der Plas, Tubiana et al. 2023, Methods).
RISE_S, DECAY_S = 0.2, 3.55

_NOISE = 0.2
_AMPLITUDE_SPREAD = 0.3
_AMPLITUDES, _NOISE_STREAM = 4, 5


class FluorescenceSimulator:
    """Converts blocks of spikes into dF/F, keeping the indicator's state between blocks.

    The double-exponential kernel exp(-t / decay) - exp(-t / rise) is computed by a recursion
    over the last two frames, so no earlier frames are kept.

    Parameters
    ----------
    n_neurons : int
    frame_rate_hz : float
    seed : int
    """

    def __init__(self, n_neurons: int, frame_rate_hz: float, seed: int) -> None:
        slow, fast = (
            np.exp(-1.0 / (frame_rate_hz * DECAY_S)),
            np.exp(-1.0 / (frame_rate_hz * RISE_S)),
        )
        frames = np.arange(1, int(20 * DECAY_S * frame_rate_hz) + 2)
        peak = np.max(slow**frames - fast**frames)
        self._gain = np.array([(slow - fast) / peak], dtype=np.float32)
        self._recursion = np.array([1.0, -(slow + fast), slow * fast], dtype=np.float32)
        rng = np.random.default_rng([seed, _AMPLITUDES])
        self._amplitude = rng.lognormal(0.0, _AMPLITUDE_SPREAD, n_neurons).astype(np.float32)
        self._state = np.zeros((2, n_neurons), dtype=np.float32)
        self._seed = seed
        self._block = 0

    def block(self, spikes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return dF/F of the next (t, N) block of spikes, (t, N) float32."""
        driven = spikes * self._amplitude
        trace, self._state = lfilter(self._gain, self._recursion, driven, axis=0, zi=self._state)
        rng = np.random.default_rng([self._seed, _NOISE_STREAM, self._block])
        self._block += 1
        noise = rng.standard_normal(trace.shape, dtype=np.float32)
        noise *= np.float32(_NOISE)
        noise += trace
        return np.asarray(noise)


@dataclass(frozen=True, eq=False)
class MemoryFluorescence:
    """Fluorescence in memory, with the interface that `Recording` expects.

    Parameters
    ----------
    values : (T, N) float32
    """

    values: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.values.shape[0], self.values.shape[1]

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """Return one neuron over time, (T,) float32."""
        return self.values[:, neuron]

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return consecutive frames, (stop - start, N) float32."""
        return self.values[start:stop]
