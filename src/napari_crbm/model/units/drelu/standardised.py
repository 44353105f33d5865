r"""Double-ReLU units of unit variance: the coordinates in which training moves them.

A unit is described by ``gamma`` (stiffness), ``theta`` (shift of its input), ``delta``
(dead zone if positive, bimodality if negative) and ``eta`` (asymmetry):

.. math::
    \gamma_\pm = \gamma / (1 \pm \eta), \qquad
    \theta_\pm = \pm\theta + \delta / \sqrt{1 \pm \eta}

``gamma`` is not free: it follows from the condition that the variance of h over the data is one,
``S = <E[h^2|I]> - <E[h|I]>^2 = 1``. Gradients of all other parameters therefore have a second
term through ``gamma``, by the implicit function theorem
``d gamma / d a = -(dS/da) / (dS/d gamma)``. All derivatives of S are covariances under the
conditional distribution, so that exact moments up to the fourth give them in closed form (paper,
Appendix; Tubiana et al. 2019).
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.units.drelu.moments import Moments
from napari_crbm.model.units.drelu.units import DReLU

GAMMA_MIN = 0.05
ETA_MAX = 0.95
#: Largest distance between the two modes of h, in its standard deviations at fixed input.
JUMP_MAX = 20.0
# dS/dgamma is near -1/gamma; it is kept at least this far from zero, in units of 1/gamma.
_SLOPE_MIN = 0.1

Vector = NDArray[np.float64]


class HiddenGradient(NamedTuple):
    """Gradient of the log-likelihood with gamma following its constraint.

    ``theta``, ``delta``, ``eta`` are (M,). ``factors`` (B, M) multiply the data's ``v_ib`` in the
    weight gradient: the mean hidden activity plus the path through gamma, divided by B.
    """

    theta: Vector
    delta: Vector
    eta: Vector
    factors: NDArray[np.float64]

    @property
    def free(self) -> dict[str, Vector]:
        """Gradient of every free parameter."""
        return {"theta": self.theta, "delta": self.delta, "eta": self.eta}


class Standardised(NamedTuple):
    """Parameters (gamma, theta, delta, eta) of M units, each (M,) float64.

    Methods are those of `napari_crbm.model.units.protocol.TrainingUnits`.
    """

    gamma: Vector
    theta: Vector
    delta: Vector
    eta: Vector

    def units(self) -> DReLU:
        """Return the same units in the form that enters the energy."""
        plus, minus = 1 + self.eta, 1 - self.eta
        return DReLU(
            self.gamma / plus,
            self.gamma / minus,
            self.theta + self.delta / np.sqrt(plus),
            -self.theta + self.delta / np.sqrt(minus),
        )

    @classmethod
    def from_units(cls, units: DReLU) -> Self:
        """Return units in these coordinates; the inverse of `units`."""
        gp, gm, tp, tm = units
        gamma = 2 / (1 / gp + 1 / gm)
        eta = 0.5 * (gamma / gp - gamma / gm)
        delta = (tp + tm) / (1 / np.sqrt(1 + eta) + 1 / np.sqrt(1 - eta))
        return cls(gamma, tp - delta / np.sqrt(1 + eta), delta, eta)

    @classmethod
    def at_start(cls, inputs: Vector) -> Self:
        """Return Gaussian units whose mean is zero at the inputs (M,)."""
        nothing = np.zeros_like(inputs)
        return cls(np.ones_like(inputs), inputs.copy(), nothing, nothing.copy())

    def relaxed(self, data: Moments, rate: float) -> Self:
        """Move gamma towards unit variance of h over a batch of frames, by a share ``rate``."""
        return self._replace(gamma=relaxed_gamma(self, data, rate))

    def gradient(self, data: Moments, chains: Moments) -> HiddenGradient:
        """Compute the gradient with gamma tied to the data."""
        return total_gradient(self, data, chains)

    def paces(self) -> dict[str, Vector | float]:
        """Return how far each free parameter moves at learning rate one.

        Theta and delta are inputs; divided by gamma they are positions on the axis of h, whose
        unit is the same in every recording. So they move gamma times as far as eta.
        """
        return {"theta": self.gamma, "delta": self.gamma, "eta": 1.0}

    def bound(self) -> None:
        """Keep the asymmetry away from +-1, in place."""
        np.clip(self.eta, -ETA_MAX, ETA_MAX, out=self.eta)

    def shift(self, change: Vector) -> None:
        """Follow a change (M,) of the mean input, in place."""
        self.theta[:] += change


def relaxed_gamma(current: Standardised, data: Moments, rate: float) -> Vector:
    """Move gamma towards unit variance of h over a batch of frames.

    The law of total variance gives the target in closed form from the spread of ``gamma E[h|I]``
    and the mean of ``gamma Var[h|I]``. ``rate`` in [0, 1] averages targets over batches, and
    lower bounds limit the distance of the two modes of a bimodal unit.
    """
    gamma, _, delta, eta = current
    spread = (gamma * data.mean).var(axis=0)
    excess = (gamma * data.variance).mean(axis=0)
    target = 0.5 * (excess + np.sqrt(excess**2 + 4 * spread))
    bimodality = np.maximum(-delta, 0) * (np.sqrt(1 - eta) + np.sqrt(1 + eta)) / JUMP_MAX
    floor = np.maximum(np.maximum(GAMMA_MIN, 0.75 * gamma), bimodality)
    relaxed: Vector = np.maximum((1 - rate) * gamma + rate * target, floor)
    return relaxed


def direct_gradient(data: Moments, chains: Moments) -> NDArray[np.float64]:
    """Compute the gradient in (gamma+, gamma-, theta+, theta-) alone, (4, M)."""
    return np.stack(
        [
            -0.5 * (data.plus[1].mean(axis=0) - chains.plus[1].mean(axis=0)),
            -0.5 * (data.minus[1].mean(axis=0) - chains.minus[1].mean(axis=0)),
            -(data.plus[0].mean(axis=0) - chains.plus[0].mean(axis=0)),
            -(data.minus[0].mean(axis=0) - chains.minus[0].mean(axis=0)),
        ]
    )


def in_standard_coordinates(
    current: Standardised, gradient: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Transform a (4, M) gradient in (gamma+-, theta+-) to (gamma, theta, delta, eta)."""
    gamma, _, delta, eta = current
    plus, minus = 1 + eta, 1 - eta
    g_plus, g_minus, t_plus, t_minus = gradient
    return np.stack(
        [
            g_plus / plus + g_minus / minus,
            t_plus - t_minus,
            t_plus / np.sqrt(plus) + t_minus / np.sqrt(minus),
            -gamma / plus**2 * g_plus
            + gamma / minus**2 * g_minus
            - 0.5 * delta / plus**1.5 * t_plus
            + 0.5 * delta / minus**1.5 * t_minus,
        ]
    )


def variance_slopes(
    current: Standardised, data: Moments
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute derivatives of S, the variance of h over the data.

    Returns
    -------
    parameters : (4, M)
        With respect to gamma, theta, delta, eta.
    inputs : (B, M)
        With respect to the input of every frame.
    """
    mean, square = data.mean, data.square
    centre = mean.mean(axis=0)
    a1, a2, a3, a4 = data.plus
    b1, b2, b3, b4 = data.minus

    def slope(of_square: NDArray[np.float64], of_mean: NDArray[np.float64]) -> Vector:
        by_frames: Vector = of_square.mean(axis=0) - 2 * centre * of_mean.mean(axis=0)
        return by_frames

    raw = np.stack(
        [
            -0.5 * slope(a4 - square * a2, a3 - mean * a2),
            -0.5 * slope(b4 - square * b2, -b3 - mean * b2),
            -slope(a3 - square * a1, a2 - mean * a1),
            -slope(b3 - square * b1, -b2 - mean * b1),
        ]
    )
    inputs = (a3 - b3 - square * mean - 2 * centre * (square - mean**2)) / len(mean)
    return in_standard_coordinates(current, raw), inputs


def total_gradient(current: Standardised, data: Moments, chains: Moments) -> HiddenGradient:
    """Compute the gradient with gamma tied to the data by ``S = 1``.

    Parameters
    ----------
    current : Standardised
        Parameters at which both sets of moments were taken.
    data, chains : Moments
        Conditional moments on a batch of frames and on the model's chains.
    """
    gradient = in_standard_coordinates(current, direct_gradient(data, chains))
    slopes, by_input = variance_slopes(current, data)
    stiffness = np.minimum(slopes[0], -_SLOPE_MIN / current.gamma)
    through_gamma = -gradient[0] / stiffness
    return HiddenGradient(
        gradient[1] + through_gamma * slopes[1],
        gradient[2] + through_gamma * slopes[2],
        gradient[3] + through_gamma * slopes[3],
        data.mean / len(data.mean) + through_gamma * by_input,
    )
