r"""Gaussian-copula Ornstein-Uhlenbeck process: marginals and lag-one correlations of assemblies.

The activity of every assembly is ranked and mapped to normal scores z. Their covariances at lags 0
and 1 give :math:`z_{t+1} = A z_t + e`, with :math:`A = C_1 C_0^{-1}` and the covariance
:math:`C_0 - A C_0 A^T` of e. Mapped back by the quantiles of the recording, it has the recorded
marginals, correlations, and decay of each assembly, but nothing beyond pairs and one time step. It
is fitted in seconds, without chains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

# Ridge of the covariance, as a share of the unit variance, and the largest modulus of an eigenvalue
# of A: beyond it the process would not return to its mean.
_RIDGE, _LARGEST = 0.01, 0.995
# Quantiles that are kept of each assembly.
_QUANTILES = 512


@dataclass(frozen=True, eq=False)
class Copula:
    """The fitted process of M assemblies.

    Parameters
    ----------
    quantiles : (Q, M) float64
        Of the activity, at equal distances of probability.
    transition : (M, M) float64
        A.
    stationary, noise : (M, M) float64
        Square roots of the covariance of z, and of that of e.
    """

    quantiles: NDArray[np.float64]
    transition: NDArray[np.float64]
    stationary: NDArray[np.float64]
    noise: NDArray[np.float64]

    @classmethod
    def fitted(cls, activity: NDArray[np.floating], starts: NDArray[np.integer]) -> Copula:
        """Fit to the activity (T, M) of the frames ``starts`` and of those that follow them."""
        known = np.unique(np.concatenate([starts, starts + 1]))
        sample = np.asarray(activity[known], dtype=np.float64)
        places = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        quantiles = np.asarray(np.quantile(sample, places, axis=0), dtype=np.float64)
        now, later = (normal_scores(activity[at], quantiles) for at in (starts, starts + 1))
        n_units = now.shape[1]
        covariance = 0.5 * (now.T @ now + later.T @ later) / len(now)
        covariance += _RIDGE * np.eye(n_units)
        transition = np.linalg.solve(covariance, now.T @ later / len(now)).T.astype(np.float64)
        largest = float(np.abs(np.linalg.eigvals(transition)).max(initial=0.0))
        transition *= min(1.0, _LARGEST / max(largest, 1e-12))
        noise = covariance - transition @ covariance @ transition.T
        return cls(quantiles, transition, _root(covariance), _root(noise))

    def scores(self, activity: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the normal scores of activity (S, M)."""
        return normal_scores(activity, self.quantiles)

    def activity(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the activity (S, M) of normal scores."""
        place = ndtr(scores) * len(self.quantiles) - 0.5
        grid = np.arange(len(self.quantiles))
        return np.column_stack(
            [np.interp(place[:, k], grid, own) for k, own in enumerate(self.quantiles.T)]
        )

    def continued(
        self,
        activity: NDArray[np.floating],
        n_frames: int,
        generator: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Draw continuations of activity (S, M), (n_frames, S, M)."""
        scores = self.scores(activity)
        out = np.empty((n_frames, *scores.shape))
        for frame in range(n_frames):
            drawn = generator.normal(size=scores.shape)
            scores = scores @ self.transition.T + drawn @ self.noise.T
            out[frame] = self.activity(scores)
        return out

    def drawn(self, n_samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw independent activity with the stationary distribution, (n_samples, M)."""
        drawn = generator.normal(size=(n_samples, len(self.stationary)))
        return self.activity(drawn @ self.stationary.T)


def normal_scores(
    activity: NDArray[np.floating], quantiles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the normal scores of activity (S, M), given quantiles (Q, M)."""
    out = np.empty(activity.shape)
    n_quantiles = len(quantiles)
    for unit, own in enumerate(quantiles.T):
        # The middle between both sides, so that repeated values are not ranked high.
        low = np.searchsorted(own, activity[:, unit], side="left")
        high = np.searchsorted(own, activity[:, unit], side="right")
        share = 0.5 * (low + high) / n_quantiles
        out[:, unit] = ndtri(np.clip(share, 0.5 / n_quantiles, 1 - 0.5 / n_quantiles))
    return out


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a square root of a covariance; negative eigenvalues are rounding and become zero."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
