"""Density of the hidden unit of one isolated assembly, and parameters with which it switches.

Integrating out its members, a hidden unit has the density (from the energy,
paper Eq. 7)

    p(h) ~ exp(-U(h) + L(h)),   L(h) = sum_i log(1 + exp(a_i + w_i (h - h_off)))

with a_i the members' log-odds while the assembly is off. L is convex and grows with the size of
the assembly. U must balance L so that two wells of chosen mass remain, separated by a barrier
that is crossed every few dozen steps. The four parameters of U are natural
parameters of an exponential family with base measure exp(L), so matching the four
half-moments of a target density is a convex problem with one solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, logsumexp

from napari_crbm.errors import ModelError
from napari_crbm.model import DReLU

#: Positions of h at which densities are tabulated: 0 is "off", 1 is "on". They extend far
#: beyond the wells, so that a third well would be detected.
POSITIONS = np.linspace(-2.0, 4.0, 2401)

_NEWTON_STEPS = 60
_DUTY_ROUNDS = 4
# Standard deviation of h within a well; the scale of h is arbitrary until it is standardised.
_WIDTH = 0.4


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
    def with_duty(cls, duty: float, depth: float) -> Wells:
        """Make wells whose upper one has ``duty`` of the mass and is ``depth`` nats deep."""
        lower = depth + float(np.log((1 - duty) / duty))
        return cls(-_WIDTH * np.sqrt(2 * lower), _WIDTH * np.sqrt(2 * depth), _WIDTH, _WIDTH)

    @property
    def separation(self) -> float:
        """Distance between the wells."""
        return self.on - self.off

    def log_density(self, h: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the unnormalised log density, continuous at zero, (G,)."""
        lower = -0.5 * ((h - self.off) / self.off_width) ** 2
        upper = -0.5 * ((h - self.on) / self.on_width) ** 2
        lower += 0.5 * (self.off / self.off_width) ** 2
        upper += 0.5 * (self.on / self.on_width) ** 2
        return np.where(h < 0, lower, upper)


def member_gain(
    h: NDArray[np.float64],
    weights: NDArray[np.float64],
    log_odds: NDArray[np.float64],
    reference: float,
) -> NDArray[np.float64]:
    """Compute L(h) on a grid (G,), the contribution of the members to the log density of h."""
    total = np.zeros(len(h))
    for start in range(0, len(weights), 256):
        part = slice(start, start + 256)
        drive = log_odds[part] + np.multiply.outer(h - reference, weights[part])
        total += np.logaddexp(0.0, drive).sum(axis=1)
    return total


def fit_potential(
    weights: NDArray[np.float64],
    log_odds: NDArray[np.float64],
    wells: Wells,
    company: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Find the parameters of U with which the isolated density has the wells' half-moments.

    Parameters
    ----------
    weights : (n,) float64
        Weights of the members.
    log_odds : (n,) float64
        Their log-odds of firing at ``h = wells.off``.
    wells : Wells
    company : (G,) float64, optional
        What other units add to the log density of h, on `POSITIONS`.

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
    grid = wells.off + wells.separation * POSITIONS
    gain = member_gain(grid, weights, log_odds, wells.off)
    if company is not None:
        gain += company
    up, down = np.maximum(grid, 0.0), np.maximum(-grid, 0.0)
    statistics = np.stack([0.5 * up**2, 0.5 * down**2, up, down])
    wanted = statistics @ _normalised(wells.log_density(grid))
    # Start from the parabolas that fit L best between the wells.
    log_target = wells.log_density(grid)
    near = (grid > wells.off - 2 * wells.off_width) & (grid < wells.on + 2 * wells.on_width)
    design = np.vstack([statistics[:, near], np.ones(near.sum())])
    start = np.linalg.lstsq(design.T, (gain - log_target)[near], rcond=None)[0][:4]
    parameters = _matched(start, gain, statistics, wanted)
    if not np.isfinite(parameters).all() or parameters[:2].min() <= 0:
        raise ModelError(
            f"No double-ReLU potential balances an assembly of {len(weights)} members "
            "with these weights."
        )
    return parameters, grid, _normalised(gain - parameters @ statistics)


@dataclass(frozen=True)
class FittedUnit:
    """A hidden unit that switches.

    Parameters
    ----------
    parameters : (4,) float64
        gamma_plus, gamma_minus, theta_plus, theta_minus.
    off, separation : float
        Position of the lower well, and distance to the upper one.
    spread : float
        Standard deviation of h.
    density : (G,) float64
        Density of h on `POSITIONS`, normalised to sum to one.
    """

    parameters: NDArray[np.float64]
    off: float
    separation: float
    spread: float
    density: NDArray[np.float64]


def fit_unit(
    shifts: NDArray[np.float64],
    log_odds: NDArray[np.float64],
    duty: float,
    depth: float,
    company: NDArray[np.float64] | None = None,
) -> FittedUnit:
    """Find a unit that is above zero for ``duty`` of the time.

    Parameters
    ----------
    shifts : (n,) float64
        Change of the members' log-odds from "off" to "on".
    log_odds : (n,) float64
        Log-odds while off.
    duty, depth : float
        See `Wells.with_duty`.
    company : (G,) float64, optional
        What other units add to the log density of h, on `POSITIONS`.
    """
    asked = duty
    for _ in range(_DUTY_ROUNDS):
        wells = Wells.with_duty(asked, depth)
        parameters, grid, density = fit_potential(
            shifts / wells.separation, log_odds, wells, company
        )
        # Half-moments set the mass above zero only approximately, as the shape may differ.
        above = float(np.clip(density[grid > 0].sum(), 1e-3, 0.9))
        asked = float(expit(logit(asked) + logit(duty) - logit(above)))
    mean = grid @ density
    return FittedUnit(
        parameters,
        wells.off,
        wells.separation,
        float(np.sqrt((grid - mean) ** 2 @ density)),
        density,
    )


def _matched(
    parameters: NDArray[np.float64],
    gain: NDArray[np.float64],
    statistics: NDArray[np.float64],
    wanted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find natural parameters (4,) with the given mean statistics by damped Newton steps."""

    def objective(values: NDArray[np.float64]) -> float:
        return float(logsumexp(gain - values @ statistics) + values @ wanted)

    for _ in range(_NEWTON_STEPS):
        density = _normalised(gain - parameters @ statistics)
        mean = statistics @ density
        centred = statistics - mean[:, None]
        gradient = wanted - mean
        curvature = (centred * density) @ centred.T
        curvature += 1e-9 * np.diag(np.diag(curvature) + 1e-12)
        step = -np.linalg.solve(curvature, gradient)
        slope = float(gradient @ step)
        if -slope < 1e-10:
            break
        length, before = 1.0, objective(parameters)
        while objective(parameters + length * step) > before + 1e-4 * length * slope:
            length /= 2
            if length < 1e-6:
                return parameters
        parameters = parameters + length * step
    return parameters


def as_units(rows: NDArray[np.float64]) -> DReLU:
    """Convert (M, 4) parameters to `DReLU`."""
    return DReLU(*(np.ascontiguousarray(column) for column in rows.T))


def _normalised(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(log_density - logsumexp(log_density)))
