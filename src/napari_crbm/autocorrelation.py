"""Duration of single-neuron activity, and the gap after which frames are independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.spikes import Spikes

#: Frames this far apart count as independent once the mean autocorrelation is below this.
NEGLIGIBLE = 0.1
#: Neurons averaged over; with more of them the mean changes by less than 0.01.
_SAMPLE = 500
# Neurons whose spectra are computed at a time, which bounds the memory.
_AT_ONCE = 64
#: The gap is at most this share of the recording: slower changes are drift, which
#: the evidence removes within its windows.
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
    return _negligible_from(_autocorrelation(spikes))


def integrated_autocorrelation(spikes: Spikes) -> float:
    """Compute the integrated autocorrelation time, in frames (Sokal 1997).

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
    rho = _autocorrelation(spikes)
    return float(1 + 2 * np.maximum(rho[1 : _negligible_from(rho) + 1], 0).sum())


def mean_autocorrelation(spikes: Spikes, longest: int) -> NDArray[np.float64]:
    """Compute the autocorrelation of single neurons, averaged with their variances as weights.

    Parameters
    ----------
    spikes : Spikes
        Frames in the order of time.
    longest : int
        Largest lag in frames.

    Returns
    -------
    (longest + 1,) float64
        At lags from 0; of up to 500 neurons. Empty if no neuron varies.
    """
    active = np.flatnonzero(spikes.neuron_counts)
    if len(active) == 0:
        return np.empty(0)
    some = active[:: max(1, len(active) // _SAMPLE)]
    power = np.zeros(spikes.n_frames + 1)
    for first in range(0, len(some), _AT_ONCE):
        bits = spikes.by_neuron[some[first : first + _AT_ONCE]].view(np.uint8)
        raster = np.unpackbits(bits, axis=1, count=spikes.n_frames, bitorder="little")
        centred = raster - raster.mean(axis=1, keepdims=True, dtype=np.float32)
        power += (np.abs(np.fft.rfft(centred, 2 * spikes.n_frames, axis=1)) ** 2).sum(axis=0)
    covariance = np.fft.irfft(power)[: longest + 1]
    return covariance / covariance[0] if covariance[0] > 0 else np.empty(0)


def lasting_frames(course: NDArray[np.floating]) -> int:
    """Return the lag in frames at which the autocorrelation of one time course is negligible.

    Parameters
    ----------
    course : (T,) float array
        Without NaN.

    Returns
    -------
    lag : int
        Smallest lag at which the autocorrelation is below `NEGLIGIBLE`; at most a thirtieth of
        the frames, and 0 for a constant course.
    """
    n_frames = len(course)
    power = np.abs(np.fft.rfft(course - course.mean(), 2 * n_frames)) ** 2
    covariance = np.fft.irfft(power)[: max(int(_MOST * n_frames), 1) + 1]
    return _negligible_from(covariance / covariance[0]) if covariance[0] > 0 else 0


def _negligible_from(rho: NDArray[np.float64]) -> int:
    low = np.flatnonzero(rho < NEGLIGIBLE)
    return int(low[0]) if len(low) else max(len(rho) - 1, 0)


def _autocorrelation(spikes: Spikes) -> NDArray[np.float64]:
    return mean_autocorrelation(spikes, max(int(_MOST * spikes.n_frames), 1))
