"""Two states of a hidden unit: a mixture of two Gaussians fitted to its activity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

_ITERATIONS = 200
_TOLERANCE = 1e-8
# Smallest standard deviation of a component, relative to that of all frames; without this bound
# a component may collapse onto a single frame.
_NARROWEST = 1e-2
_FRAMES = 20_000


class TwoStates(NamedTuple):
    """Two Gaussians per unit, the lower one first, and their gain over a single one.

    ``share``, ``mean`` and ``sd`` are (2, M) float64; ``gain`` (M,) is the difference of
    the Bayesian information criteria (BIC) of one and of two Gaussians, in nats per frame;
    positive if two Gaussians describe the activity better.
    """

    share: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    gain: NDArray[np.float64]

    @property
    def transition(self) -> NDArray[np.float64]:
        """Point halfway between the two means, (M,)."""
        return np.asarray(self.mean.mean(axis=0))


def two_states(activity: NDArray[np.floating]) -> TwoStates:
    """Fit two Gaussians to the activity of every unit by expectation maximisation.

    Parameters
    ----------
    activity : (T, M) float array
        E[h | v]. From more than 20,000 frames, evenly spaced ones are used. A constant unit
        gets two equal components.
    """
    step = -(-len(activity) // _FRAMES)
    h = np.asarray(activity[::step], dtype=np.float64)
    centre, scale = h.mean(axis=0), h.std(axis=0)
    varying = scale > 1e-12
    x = (h - centre) / np.where(varying, scale, 1.0)
    # Initially the frames above the midpoint of median and maximum belong to the upper state.
    upper = (x > 0.5 * (x.max(axis=0) + np.median(x, axis=0))).astype(np.float64)
    upper[:, upper.sum(axis=0) == 0] = 0.5
    before = np.full(x.shape[1], -np.inf)
    for _ in range(_ITERATIONS):
        share, mean, sd = _maximise(x, upper)
        joint = _log_joint(x, share, mean, sd)
        total = logsumexp(joint, axis=0)
        upper = np.exp(joint[1] - total)
        now = total.mean(axis=0)
        if (now - before < _TOLERANCE).all():
            break
        before = now
    one = -0.5 * (np.log(2 * np.pi) + 1)
    # Five free parameters against two.
    gain = 2 * (now - one) - 3 * np.log(len(x)) / len(x)
    order = np.argsort(mean, axis=0)
    share, mean, sd = (np.take_along_axis(values, order, axis=0) for values in (share, mean, sd))
    return TwoStates(
        share,
        np.where(varying, centre + scale * mean, centre),
        np.where(varying, scale * sd, 0.0),
        np.where(varying, gain, np.nan),
    )


def _maximise(
    x: NDArray[np.float64], upper: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    belongs = np.stack([1 - upper, upper])
    weight = belongs.sum(axis=1) + 1e-9
    mean = (belongs * x).sum(axis=1) / weight
    variance = (belongs * (x - mean[:, None]) ** 2).sum(axis=1) / weight
    return weight / len(x), mean, np.sqrt(np.maximum(variance, _NARROWEST**2))


def _log_joint(
    x: NDArray[np.float64],
    share: NDArray[np.float64],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
) -> NDArray[np.float64]:
    z = (x - mean[:, None]) / sd[:, None]
    constant = np.log(share) - np.log(sd) - 0.5 * np.log(2 * np.pi)
    return np.asarray(constant[:, None] - 0.5 * z**2)
