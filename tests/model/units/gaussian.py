"""A Gaussian hidden unit, written for tests alone: it shows what a new type must answer."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.model.compute.array_random import subkeys, uniforms
from napari_crbm.model.units.protocol import UnitType, mapped

Vector = NDArray[np.float64]


class GaussianMoments(NamedTuple):
    """``mean`` (B, M), and the ``variance`` (M,), which does not depend on the input."""

    mean: Any
    variance: Any

    @property
    def square(self) -> Any:
        return self.variance + self.mean**2

    @property
    def cube(self) -> Any:
        return self.mean**3 + 3 * self.mean * self.variance


class OnArrays:
    """The same formulas serve every array module, NumPy included."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def moments(self, inputs: Any, units: Gaussian) -> GaussianMoments:
        return GaussianMoments((inputs - units.theta) / units.gamma, 1 / units.gamma)

    def mean(self, inputs: Any, units: Gaussian) -> Any:
        return self.moments(inputs, units).mean.astype(np.float32)

    def cumulant(self, inputs: Any, units: Gaussian) -> Any:
        log_width = 0.5 * self._xp.log(2 * np.pi / units.gamma)
        return 0.5 * (inputs - units.theta) ** 2 / units.gamma + log_width

    def sample(self, inputs: Any, units: Gaussian, keys: Any) -> Any:
        """Two uniform numbers make a normal one (Box and Muller 1958)."""
        xp, n_hidden = self._xp, inputs.shape[1]
        first, second = (
            uniforms(xp, subkeys(xp, keys, xp.zeros(len(keys), np.uint64) + np.uint64(k)), n_hidden)
            for k in (0, 1)
        )
        normal = xp.sqrt(-2 * xp.log(first)) * xp.cos(2 * np.pi * second)
        mean = self.moments(inputs, units).mean
        return (mean + normal / xp.sqrt(units.gamma)).astype(np.float32)


class Gaussian(NamedTuple):
    """M units with the potential ``gamma h^2 / 2 + theta h``."""

    gamma: Vector
    theta: Vector

    @property
    def n_hidden(self) -> int:
        return len(self.gamma)

    @property
    def problem(self) -> str | None:
        return None if self.gamma.min() > 0 else "The hidden units' gamma must be positive."

    def potential(self, h: ArrayLike) -> Vector:
        value = np.asarray(h, dtype=np.float64)
        return 0.5 * self.gamma * value**2 + self.theta * value

    def cumulant(self, inputs: NDArray[np.floating]) -> Vector:
        return OnArrays(np).cumulant(inputs.astype(np.float64), self)

    def mean(self, inputs: NDArray[np.floating]) -> NDArray[np.float32]:
        return OnArrays(np).mean(inputs, self)

    def moments(self, inputs: NDArray[np.floating]) -> GaussianMoments:
        return OnArrays(np).moments(inputs.astype(np.float64), self)

    def sample(self, inputs: NDArray[np.floating], key: np.uint64) -> NDArray[np.float32]:
        rows = np.arange(len(inputs), dtype=np.uint64)
        return OnArrays(np).sample(inputs, self, subkeys(np, key, rows))

    @property
    def gibbs_kernels(self) -> None:
        return None

    @classmethod
    def on_arrays(cls, xp: Any) -> OnArrays:
        return OnArrays(xp)

    def select(self, units: NDArray[Any]) -> Self:
        return mapped(self, lambda row: row[units])

    def rescaled(self, scale: Vector) -> Self:
        return type(self)(self.gamma * scale**2, self.theta * scale)

    def mirrored(self, units: NDArray[np.bool_]) -> Self:
        return type(self)(self.gamma, np.where(units, -self.theta, self.theta))


class GaussianGradient(NamedTuple):
    theta: Any
    factors: Any

    @property
    def free(self) -> dict[str, Any]:
        return {"theta": self.theta}


class GaussianInTraining(NamedTuple):
    """``gamma`` follows from Var(h) = 1 over the data; ``theta`` is free."""

    gamma: Any
    theta: Any

    @classmethod
    def from_units(cls, units: Gaussian) -> Self:
        return cls(*units)

    @classmethod
    def at_start(cls, inputs: Any) -> Self:
        return cls(np.ones_like(inputs), inputs.copy())

    def units(self) -> Gaussian:
        return Gaussian(self.gamma, self.theta)

    def relaxed(self, data: GaussianMoments, rate: float) -> Self:
        # Var(I) / gamma^2 + 1 / gamma = 1.
        spread = (self.gamma * data.mean).var(axis=0)
        target = 0.5 * (1 + np.sqrt(1 + 4 * spread))
        return self._replace(gamma=(1 - rate) * self.gamma + rate * target)

    def gradient(self, data: GaussianMoments, chains: GaussianMoments) -> GaussianGradient:
        """The path through gamma is left out, which changes the pace but not the fixed point."""
        theta = chains.mean.mean(axis=0) - data.mean.mean(axis=0)
        return GaussianGradient(theta, data.mean / len(data.mean))

    def paces(self) -> dict[str, Any]:
        return {"theta": self.gamma}

    def bound(self) -> None:
        pass

    def shift(self, change: Any) -> None:
        self.theta[:] += change


GAUSSIAN = UnitType(GaussianInTraining)
