"""How long the activity of single neurons lasts: the gap that separates independent frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.spikes import Spikes

#: Frames this far apart count as independent once the mean autocorrelation is below this.
NEGLIGIBLE = 0.1
#: Neurons averaged over; with more of them the mean changes by less than 0.01.
_SAMPLE = 500
#: The gap is at most this share of the recording: slower changes are drift, which
#: evidence removes within its windows.
_MOST = 1 / 30


def autocorrelation_frames(spikes: Spikes) -> int:
    """Return the lag in frames at which the autocorrelation of single neurons is negligible.

    Parameters
    ----------
    spikes : Spikes
        The whole recording.

    Returns
    -------
    lag : int
        Smallest lag at which the autocorrelation, averaged over up to 500 neurons weighted
        by their variance, is below `NEGLIGIBLE`; at most a thirtieth of the recording.
    """
    rho = _autocorrelation(spikes)
    low = np.flatnonzero(rho < NEGLIGIBLE)
    return int(low[0]) if len(low) else max(len(rho) - 1, 0)


def integrated_autocorrelation(spikes: Spikes) -> float:
    """Return how many frames count as one independent frame in means over time.

    Parameters
    ----------
    spikes : Spikes
        The whole recording.

    Returns
    -------
    float
        One plus twice the sum of the mean autocorrelation up to the lag of
        `autocorrelation_frames`; 1 if frames are independent.
    """
    lag = autocorrelation_frames(spikes)
    return float(1 + 2 * np.maximum(_autocorrelation(spikes)[1 : lag + 1], 0).sum())


def _autocorrelation(spikes: Spikes) -> NDArray[np.float64]:
    """Compute the mean autocorrelation of neurons at lags from 0; empty if none is active."""
    active = np.flatnonzero(spikes.neuron_counts)
    most = max(int(_MOST * spikes.n_frames), 1)
    if len(active) == 0:
        return np.empty(0)
    some = active[:: max(1, len(active) // _SAMPLE)]
    bits = spikes.by_neuron[some].view(np.uint8)
    raster = np.unpackbits(bits, axis=1, count=spikes.n_frames, bitorder="little")
    centred = raster - raster.mean(axis=1, keepdims=True, dtype=np.float32)
    power = np.abs(np.fft.rfft(centred, 2 * spikes.n_frames, axis=1)) ** 2
    covariance = np.fft.irfft(power.sum(axis=0))[: most + 1]
    return covariance / covariance[0] if covariance[0] > 0 else np.empty(0)
