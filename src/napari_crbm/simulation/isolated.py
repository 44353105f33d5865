"""One assembly by itself: its hidden unit's density, and parameters that make it switch.

Integrating out its members, a hidden unit has the density (SCIENCE: paper Eq. 7)

    p(h) ~ exp(-U(h) + L(h)),   L(h) = sum_i log(1 + exp(a_i + w_i (h - h_off)))

with a_i the members' log-odds while the assembly is off. L is convex and grows with the
size of the assembly; U has to balance it so that two wells of chosen weight remain with a
barrier that is crossed every few dozen steps. The four parameters of U are natural
parameters of an exponential family with base measure exp(L), so matching the four
half-moments of a target density is a convex problem with one solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from napari_crbm.errors import ModelError
from napari_crbm.model.drelu import DReLU

_NEWTON_STEPS = 60


@dataclass(frozen=True)
class Wells:
    """Two wells that meet at h = 0: the target shape before the scale of h is fixed.

    Parameters
    ----------
    off, on : float
        Positions, off < 0 < on.
    off_width, on_width : float
        Standard deviations.
    """

    off: float
    on: float
    off_width: float
    on_width: float

    @classmethod
    def with_duty(cls, duty: float, depth: float = 1.5) -> Wells:
        """Wells of which the upper one holds ``duty`` of the mass and is ``depth`` nats deep."""
        off_width, on_width = 0.4, 0.9
        other = depth + float(np.log((1 - duty) * on_width / (duty * off_width)))
        return cls(
            -off_width * np.sqrt(2 * other), on_width * np.sqrt(2 * depth), off_width, on_width
        )

    @property
    def separation(self) -> float:
        """Distance between the wells."""
        return self.on - self.off

    def log_density(self, h: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unnormalised and continuous at zero, (G,)."""
        lower = -0.5 * ((h - self.off) / self.off_width) ** 2
        upper = -0.5 * ((h - self.on) / self.on_width) ** 2
        lower += 0.5 * (self.off / self.off_width) ** 2
        upper += 0.5 * (self.on / self.on_width) ** 2
        return np.where(h < 0, lower, upper)

    def sample(
        self, n_samples: int, duty: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Independent draws of h, (n_samples,), well widths included."""
        on = rng.random(n_samples) < duty
        normal = rng.standard_normal(n_samples)
        return np.where(on, self.on + self.on_width * normal, self.off + self.off_width * normal)


def member_gain(
    h: NDArray[np.float64],
    weights: NDArray[np.float64],
    log_odds: NDArray[np.float64],
    reference: float,
) -> NDArray[np.float64]:
    """L(h) on a grid (G,): what the members contribute to the log density of h."""
    total = np.zeros(len(h))
    for start in range(0, len(weights), 256):
        part = slice(start, start + 256)
        drive = log_odds[part] + np.multiply.outer(h - reference, weights[part])
        total += np.logaddexp(0.0, drive).sum(axis=1)
    return total


def fit_potential(
    weights: NDArray[np.float64], log_odds: NDArray[np.float64], wells: Wells
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Parameters of U for which the isolated density has the wells' half-moments.

    Parameters
    ----------
    weights : (n,) float64
        Weights of the members.
    log_odds : (n,) float64
        Their log-odds of firing at ``h = wells.off``.
    wells : Wells

    Returns
    -------
    parameters : (4,) float64
        gamma_plus, gamma_minus, theta_plus, theta_minus.
    grid, density : (G,) float64
        The density of h, normalised on the grid.

    Raises
    ------
    ModelError
        If no potential balances the members.
    """
    grid = np.linspace(wells.off - 8 * wells.off_width, wells.on + 7 * wells.on_width, 1201)
    gain = member_gain(grid, weights, log_odds, wells.off)
    up, down = np.maximum(grid, 0.0), np.maximum(-grid, 0.0)
    statistics = np.stack([0.5 * up**2, 0.5 * down**2, up, down])
    log_target = wells.log_density(grid)
    target = _normalised(log_target)
    wanted = statistics @ target
    # Start from the least-squares potential, weighted by the target with a floor that
    # keeps the barrier in view.
    design = np.concatenate([statistics, np.ones((1, len(grid)))])
    emphasis = np.sqrt(target + 0.05 * target.max() * (log_target > -2.0))
    start = np.linalg.lstsq((design * emphasis).T, (gain - log_target) * emphasis, rcond=None)[0]
    parameters = start[:4]
    parameters[:2] = np.maximum(parameters[:2], 1e-3)

    def objective(values: NDArray[np.float64]) -> float:
        return float(logsumexp(gain - values @ statistics) + values @ wanted)

    for _ in range(_NEWTON_STEPS):
        density = _normalised(gain - parameters @ statistics)
        mean = statistics @ density
        centred = statistics - mean[:, None]
        gradient = wanted - mean
        curvature = (centred * density) @ centred.T + 1e-10 * np.eye(4)
        step = -np.linalg.solve(curvature, gradient)
        if -gradient @ step < 1e-12:
            break
        length, before = 1.0, objective(parameters)
        while objective(parameters + length * step) > before + 1e-4 * length * gradient @ step:
            length /= 2
            if length < 1e-8:
                break
        parameters = parameters + length * step
    if not np.isfinite(parameters).all() or parameters[:2].min() <= 0:
        raise ModelError(
            f"No double-ReLU potential balances an assembly of {len(weights)} members "
            "with these weights."
        )
    return parameters, grid, _normalised(gain - parameters @ statistics)


def as_units(rows: NDArray[np.float64]) -> DReLU:
    """(M, 4) parameters as `DReLU`."""
    return DReLU(*(np.ascontiguousarray(column) for column in rows.T))


def on_fraction(wells: Wells, duty: float) -> float:
    """Mass above zero of the mixture that `Wells.sample` draws from."""
    above = ndtr(wells.on / wells.on_width), ndtr(wells.off / wells.off_width)
    return float(duty * above[0] + (1 - duty) * above[1])


def _normalised(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(log_density - logsumexp(log_density)))
