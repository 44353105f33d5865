"""Components of the reproducible covariance of neurons that a model does not explain.

Candidate directions lie among the leading components of the covariance in the training frames:
those along which the model falls short most. They are tested on held-out frames. A component
counts if the covariance along it is reproduced there and exceeds the model's, and if the model has
less than half of it. A model whose units all exist but are too weak also leaves covariance
unexplained, so the component must lie outside the span of the weights. And it must not be tiny
beside the strongest component.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from napari_crbm.analysis.statistics.block_sums import BlockSums, Halves, jackknife_variance
from napari_crbm.analysis.statistics.moments import Moments

#: Components that are tested at most.
MOST_COMPONENTS = 20
# Probability that any component is counted although the model explains all (family-wise).
_LEVEL = 0.01
# What is missing must also exceed the spread between blocks by this many standard errors.
_CLEAR = 2.0
# A component counts if the model has less than this share of its reproducible variance, and if
# what is missing is at least this share of the strongest component of the training frames.
_HAS, _TINY = 0.5, 0.1
# Directions with this share of their square in the span of the weights belong to units.
_SPANNED = 0.5


def components_left_over(
    model: Halves,
    train: BlockSums,
    test: BlockSums,
    weights: NDArray[np.floating],
    n_effective: float,
) -> int:
    """Count components of the held-out covariance that a model does not have.

    Parameters
    ----------
    model : Halves
        Independent samples of the model, of the same neurons.
    train, test : BlockSums
        Training and held-out frames.
    weights : (n, M) float array
    n_effective : float
        Held-out frames that count as independent for single neurons, see
        `napari_crbm.model.start.effective_frames.effective_frames`.

    Returns
    -------
    int
        At most `MOST_COMPONENTS`; 0 if there are fewer than three blocks of held-out frames.
    """
    rate = train.moments().mean_v
    active = rate > 0
    most = min(MOST_COMPONENTS, int(active.sum()) // 4)
    if most < 1 or test.n_blocks < 3:
        return 0
    scale = np.where(active, 1 / np.sqrt(np.maximum(rate * (1 - rate), 1e-12)), 0.0)
    first, second = model
    seen = _matrix(train.moments(), scale)
    n = len(seen)
    strength, own = linalg.eigh(seen, subset_by_index=[n - most, n - 1])
    over = seen - _matrix(first.moments(), scale)
    directions = own @ linalg.eigh(own.T @ over @ own)[1]
    # The course of a unit moves neuron i by about w_i v_i (1 - v_i), scaled as above. What lies in
    # the span of the units is theirs, and only the rest is tested.
    units = linalg.orth(weights * np.sqrt(rate * (1 - rate))[:, None])
    directions -= units @ (units.T @ directions)
    outside = (directions**2).sum(axis=0)
    directions /= np.sqrt(np.maximum(outside, 1e-12))

    def along(moments: Moments) -> NDArray[np.float64]:
        return np.asarray(((_matrix(moments, scale) @ directions) * directions).sum(axis=0))

    held_out, has = along(test.moments()), along(second.moments())
    noise, of_model = (_variance(sums, along) for sums in (test, second))
    beyond = held_out - has
    # By chance the variance of a course varies as that of independent Gaussian frames. How often an
    # assembly is on in a block adds to the spread between blocks, so that this spread alone would
    # hide assemblies that are rarely on.
    by_chance = (1 + np.maximum(has, 0)) * np.sqrt(2 / n_effective)
    found = beyond > stats.norm.isf(_LEVEL / most) * by_chance
    found &= beyond > _CLEAR * np.sqrt(noise + of_model)
    large = np.minimum(held_out, beyond) > _TINY * strength[-1]
    return int((found & large & (outside > 1 - _SPANNED) & (has < _HAS * held_out)).sum())


def _variance(
    sums: BlockSums, along: Callable[[Moments], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Jackknife variance of the covariance along each direction; zero for a single block."""
    if sums.n_blocks < 2:
        return np.zeros_like(along(sums.moments()))
    return jackknife_variance(np.array([along(moments) for moments in sums.leaving_one_out()]))


def _matrix(moments: Moments, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariances as a symmetric matrix with zero diagonal, scaled by neuron."""
    n = len(scale)
    out = np.zeros((n, n))
    out[np.triu_indices(n, 1)] = moments.cov_vv
    out *= scale[:, None] * scale
    return out + out.T
