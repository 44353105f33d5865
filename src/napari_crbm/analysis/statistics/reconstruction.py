"""How well the activity of assemblies alone reconstructs the neurons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

# Smallest distance of probabilities from 0 and 1, as in the reference analysis.
_SMALLEST_PROBABILITY = 1e-7
_NEURONS_AT_ONCE = 2048


def reconstruction_nllh(model: CRBM, spikes: Spikes) -> NDArray[np.float64]:
    """Compute how well E[h | v] alone reconstructs each neuron's activity, (N,) (paper Eq. 18).

    With LLH the mean log-probability of a neuron's states under P(v_i | E[h | v(t)]),
    and LLH_ind the same under the neuron's mean activity, the value is
    ``(LLH - LLH_ind) / -LLH_ind``: 0 no better than the mean, 1 perfect. NaN for a
    neuron that never changes.
    """
    return normalised_likelihood(model.reconstruct(spikes), spikes)


def normalised_likelihood(
    probabilities: Iterable[NDArray[np.floating]], spikes: Spikes
) -> NDArray[np.float64]:
    """Compute the normalised log-likelihood of activity, (N,); see `reconstruction_nllh`.

    Parameters
    ----------
    probabilities : iterable of (t, N)
        Probability of each neuron to be active, in consecutive blocks of all frames.
    spikes : Spikes
    """
    low = _SMALLEST_PROBABILITY
    total = np.zeros(spikes.n_neurons)
    start = 0
    for probability in probabilities:
        states = spikes.dense(slice(start, start + len(probability)))
        start += len(probability)
        # Probability of the observed state: p if active, 1 - p if silent.
        likelihood = np.where(states, probability, 1 - probability)
        np.log(np.clip(likelihood, low, 1.0), out=likelihood)
        total += likelihood.sum(axis=0, dtype=np.float64)
    mean = spikes.mean_activity
    changes = (mean > 0) & (mean < 1)
    p = np.where(changes, mean, 0.5)
    baseline = p * np.log(p) + (1 - p) * np.log1p(-p)
    return np.where(changes, (total / spikes.n_frames - baseline) / -baseline, np.nan)


def median_nllh(nllh: NDArray[np.float64]) -> float:
    """Return the median over the neurons that have a value; NaN if none has."""
    known = nllh[np.isfinite(nllh)]
    return float(np.median(known)) if len(known) else float("nan")


def shifted_nllh(model: CRBM, spikes: Spikes, random_state: int = 0) -> float:
    """Compute the median of `reconstruction_nllh` after independent circular shifts of all neurons.

    A neuron's own activity is part of what it is reconstructed from, so that the value exceeds
    zero although neurons no longer coincide.

    Parameters
    ----------
    model : CRBM
    spikes : Spikes
    random_state : int
        Seed of the circular shifts.
    """
    generator = np.random.default_rng([random_state, 6])
    raster = spikes.dense()
    place = np.arange(len(raster))[:, None]
    for start in range(0, raster.shape[1], _NEURONS_AT_ONCE):
        part = slice(start, start + _NEURONS_AT_ONCE)
        shift = generator.integers(len(raster), size=raster[:, part].shape[1])
        raster[:, part] = np.take_along_axis(raster[:, part], (place + shift) % len(raster), 0)
    return median_nllh(reconstruction_nllh(model, Spikes.from_dense(raster)))
