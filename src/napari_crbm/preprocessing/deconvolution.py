"""Infer spikes from fluorescence: sparse non-negative deconvolution by OASIS.

The paper deconvolves with BSD, for MATLAB, whose kernel rises and decays. OASIS
(Friedrich, Zhou and Paninski 2017, PLOS Computational Biology) solves the same problem,
least squares with a sparsity penalty on spikes that cannot be negative, for a kernel
that jumps and decays; at a few frames a second the rise of 0.2 s is within a frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError, RecordingError, install_extra
from napari_crbm.preprocessing.threshold import noise_sd

#: Decay times in seconds as the paper measured them (Methods, "Spike deconvolution").
DECAY_S = {"GCaMP6s": 3.55, "GCaMP6f": 1.6}


def deconvolve(
    dff: NDArray[np.floating], frame_rate_hz: float, decay_s: float = DECAY_S["GCaMP6s"]
) -> NDArray[np.float32]:
    """Infer the spikes of every neuron, in units of its noise.

    The penalty is the one at which the residual has the variance of the noise.

    Parameters
    ----------
    dff : (T, n)
        dF/F; a constant offset is estimated. A neuron with values that are not finite,
        or without any noise, has no spikes.
    frame_rate_hz : float
    decay_s : float
        Time in which the indicator decays to 1/e.

    Returns
    -------
    (T, n) float32
        Height of the jump in each frame over the standard deviation of the noise.

    Raises
    ------
    RecordingError
        If the decay time or the frame rate is not positive.
    CRBMError
        If OASIS is not installed.
    """
    if not (decay_s > 0 and frame_rate_hz > 0):
        raise RecordingError(
            f"Decay time and frame rate must be positive; found {decay_s} s and {frame_rate_hz} Hz."
        )
    solve = _oasis()
    decay = float(np.exp(-1 / (frame_rate_hz * decay_s)))
    noise = noise_sd(dff)
    spikes = np.zeros(dff.shape, dtype=np.float32)
    usable = np.isfinite(dff).all(axis=0) & (noise > 0)
    for neuron in np.flatnonzero(usable):
        trace = np.ascontiguousarray(dff[:, neuron], dtype=np.float64) / noise[neuron]
        jumps = solve(trace, decay, 1.0, optimize_b=True, b_nonneg=False)[1]
        # The first value holds what was there before the recording began.
        spikes[1:, neuron] = jumps[1:]
    return spikes


def _oasis() -> Any:
    try:
        from oasis.oasis_methods import constrained_oasisAR1
    except ImportError as error:
        raise CRBMError(
            f"Deconvolution needs the library OASIS: {install_extra('deconvolution')}, or detect "
            "events by their rise instead."
        ) from error
    return constrained_oasisAR1
