"""Effective number of independent frames of a recording whose activity is autocorrelated."""

from __future__ import annotations

import numpy as np

from napari_crbm.autocorrelation import mean_autocorrelation
from napari_crbm.spikes import Spikes

#: Largest lag of the autocorrelation, as a share of the frames. Slower changes are drift.
LONGEST_LAG = 0.03


def effective_frames(spikes: Spikes) -> float:
    r"""Compute the number of independent frames that would give equally precise covariances.

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
    correlation = mean_autocorrelation(spikes, int(LONGEST_LAG * n_frames))[1:]
    ends = np.flatnonzero(correlation <= 0)
    if len(ends):
        correlation = correlation[: ends[0]]
    return float(max(n_frames / (1 + 2 * (correlation**2).sum()), 1.0))
