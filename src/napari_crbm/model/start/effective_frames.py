"""How many independent frames a recording is worth: its activity lasts from frame to frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.spikes import Spikes

#: Largest lag of the autocorrelation, as a share of the frames. Slower changes are drift.
LONGEST_LAG = 0.03
#: Neurons whose autocorrelation is averaged.
SAMPLE = 500
# Neurons whose spectra are computed at a time.
_AT_ONCE = 64


def effective_frames(spikes: Spikes) -> float:
    r"""Compute how many independent frames would give equally precise covariances.

    With the autocorrelation :math:`\rho` of two independent courses the covariance over T frames
    varies as much as over :math:`T / (1 + 2 \sum_k \rho(k)^2)` independent frames (Bartlett 1946).

    Parameters
    ----------
    spikes : Spikes
        Frames in the order of time.

    Returns
    -------
    float
        1 to T; from the autocorrelation of up to 500 neurons, weighted by their variance, up to
        the first lag at which it is not positive, or 3 % of the recording.
    """
    n_frames = spikes.n_frames
    active = np.flatnonzero(spikes.neuron_counts)
    longest = int(LONGEST_LAG * n_frames)
    if len(active) == 0 or longest < 1:
        return float(n_frames)
    some = active[:: max(1, len(active) // SAMPLE)]
    raster = raster_of(spikes, some)
    centred = raster - raster.mean(axis=0)
    power = np.zeros(n_frames + 1)
    for part in row_blocks(len(some), _AT_ONCE):
        power += (np.abs(np.fft.rfft(centred[:, part], 2 * n_frames, axis=0)) ** 2).sum(axis=1)
    covariance = np.fft.irfft(power)[: longest + 1]
    if covariance[0] <= 0:
        return float(n_frames)
    correlation = covariance[1:] / covariance[0]
    ends = np.flatnonzero(correlation <= 0)
    if len(ends):
        correlation = correlation[: ends[0]]
    return float(max(n_frames / (1 + 2 * (correlation**2).sum()), 1.0))


def raster_of(spikes: Spikes, neurons: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the activity (T, n) of some neurons."""
    bits = spikes.by_neuron[neurons].view(np.uint8)
    dense = np.unpackbits(bits, axis=1, count=spikes.n_frames, bitorder="little")
    return np.ascontiguousarray(dense.T, dtype=np.float32)
