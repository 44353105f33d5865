r"""Neurons from expected activity of assemblies: the decoder of the model, and its calibration.

The model without time gives neuron i the log-odds :math:`x_i = g_i + \sum_\mu w_{i\mu} \hat h_\mu`.
A forecast is less certain than a recorded frame, so that these log-odds are too extreme. Training
frames fit one slope :math:`\beta` for all neurons; the offset of each in
:math:`\alpha_i + \beta x_i` follows from its mean activity. All forecasts are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

# Newton steps, and their longest change of a log-odds.
_STEPS, _LONGEST = 30, 2.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """Slope and offsets (n,) of log-odds."""

    slope: float
    offset: NDArray[np.float64]

    @classmethod
    def fitted(
        cls,
        odds: NDArray[np.floating],
        active: NDArray[np.bool_],
        rate: NDArray[np.floating],
    ) -> Calibration:
        """Fit the slope of log-odds by maximum likelihood, with given mean activities.

        Parameters
        ----------
        odds : (S, n) float
        active : (S, n) bool
            Activity that was forecast.
        rate : (n,) float
            Mean activities, which the probabilities have.
        """
        x = np.asarray(odds, dtype=np.float64)
        centre = x.mean(axis=0)
        x = x - centre
        offset, slope = np.log(rate / (1 - rate)), 0.0
        for _ in range(_STEPS):
            chance = expit(slope * x + offset)
            error, width = active - chance, chance * (1 - chance)
            a = width.sum(axis=0) + 1e-9
            b = (width * x).sum(axis=0)
            # The offsets are eliminated from Newton's equations.
            curvature = float((width * x**2).sum() - (b**2 / a).sum()) + 1e-9
            pull = len(x) * rate - chance.sum(axis=0)
            # Means and activity of the same frames differ by chance, which is no slope.
            error = error - error.mean(axis=0)
            change = float((error * x).sum()) / curvature
            change = float(np.clip(change, -0.5, 0.5))
            slope += change
            offset = offset + np.clip((pull - b * change) / a, -_LONGEST, _LONGEST)
        return cls(slope, offset - slope * centre)

    def probability(self, odds: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probabilities (S, n) of calibrated log-odds."""
        return np.asarray(expit(self.slope * odds + self.offset))
