"""Double-ReLU units by the functions of an array module.

The mathematics is in `napari_crbm.model.units.drelu.units`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_crbm.model.compute.array_random import subkeys, uniforms
from napari_crbm.model.compute.kernels.fast_math import FOURTH_RATIO
from napari_crbm.model.units.drelu.moments import Moments

_SQRT_TWO_PI = math.sqrt(2 * math.pi)
# Largest exponent: beyond it the other side of the unit has no probability.
_LARGEST = 700.0
_SMALLEST = 1e-12


class ArrayDReLU:
    """Moments and draws by the functions of one array module, in float64.

    Both sides of a unit are computed at once: arrays are (2, B, M), positive side first.

    Parameters
    ----------
    xp : module
        NumPy, or a module with its functions for another device.
    """

    def __init__(self, xp: Any) -> None:
        self._xp = xp
        n_terms = len(FOURTH_RATIO)
        self._powers = xp.arange(n_terms - 1, -1, -1, dtype=np.float64)
        self._terms = xp.asarray(np.array(FOURTH_RATIO))

    def moments(self, inputs: Any, units: Any) -> Moments:
        """Compute conditional moments of both sides for inputs (B, M)."""
        xp = self._xp
        scale, x = self._scaled(inputs, units)
        mass, power, moments = self._half(x)
        chance = self._chance(scale, mass, power)
        scaled = []
        for k, moment in enumerate(moments):
            scaled.append(chance * scale ** (k + 1) * moment)
        both = xp.stack(scaled)
        return Moments(both[:, 0], both[:, 1])

    def mean(self, inputs: Any, units: Any) -> Any:
        """Compute E[h | I], float32."""
        return self.moments(inputs, units).mean.astype(np.float32)

    def sample(self, inputs: Any, units: Any, keys: Any) -> Any:
        """Draw h given inputs (B, M), every row from its own stream ``keys`` (B,); float32."""
        xp = self._xp
        n_hidden = inputs.shape[1]
        scale, x = self._scaled(inputs, units)
        mass, power, _ = self._half(x)
        side, quantile = (
            uniforms(xp, subkeys(xp, keys, xp.zeros(len(keys), np.uint64) + np.uint64(k)), n_hidden)
            for k in (0, 1)
        )
        plus = side < self._chance(scale, mass, power)[0]
        x = xp.where(plus, x[0], x[1])
        # If the peak is not inside, a side is a tail. Otherwise it is a normal distribution cut
        # beyond its peak, whose quantile is counted from the peak.
        tail = x >= 0
        beyond_zero = self._mills(xp.abs(x)) * xp.exp(-xp.minimum(0.5 * x * x, _LARGEST))
        share = quantile * (1 - beyond_zero / _SQRT_TWO_PI)
        rest = 2 * xp.minimum(share, 1 - share)
        z = self._beyond(
            xp.where(tail, x, 0.0), xp.maximum(xp.where(tail, quantile, rest), _SMALLEST)
        )
        from_peak = xp.where(share < 0.5, z - x, xp.maximum(-x - z, 0.0))
        z = xp.where(tail, z, from_peak)
        return xp.where(plus, z * scale[0], -z * scale[1]).astype(np.float32)

    def _scaled(self, inputs: Any, units: Any) -> tuple[Any, Any]:
        """Compute widths (2, 1, M) and scaled distances (2, B, M) of both sides."""
        xp = self._xp
        value = inputs.astype(np.float64)
        scale = 1 / xp.sqrt(xp.stack([units.gamma_plus, units.gamma_minus]))[:, None]
        distance = xp.stack([units.theta_plus - value, units.theta_minus + value])
        return scale, distance * scale

    def _chance(self, scale: Any, mass: Any, power: Any) -> Any:
        """Compute the probability of each side, (2, B, M)."""
        xp = self._xp
        difference = xp.clip(power[1] - power[0], -_LARGEST, _LARGEST)
        odds = (mass[1] * scale[1]) / (mass[0] * scale[0]) * xp.exp(difference)
        return xp.stack([1 / (1 + odds), 1 / (1 + 1 / odds)])

    def _ratios(self, a: Any) -> tuple[Any, Any, Any, Any]:
        """Compute ratios of successive moments of exp(-z^2/2 - a z) over z > 0, for a >= 0."""
        t = (a - 5.0) / (a + 5.0)
        r4 = (t[..., None] ** self._powers) @ self._terms / (a + 8.0)
        r3 = 3 / (a + r4)
        r2 = 2 / (a + r3)
        return 1 / (a + r2), r2, r3, r4

    def _mills(self, a: Any) -> Any:
        return 1 / (a + self._ratios(a)[0])

    def _half(self, x: Any) -> tuple[Any, Any, tuple[Any, Any, Any, Any]]:
        """Compute the mass of exp(-z^2/2 - x z), z > 0, as ``mass exp(power)``, and its moments."""
        xp = self._xp
        a = xp.abs(x)
        r1, r2, r3, r4 = self._ratios(a)
        mills = 1 / (a + r1)
        tail = x >= 0
        power = 0.5 * a * a
        near = xp.exp(-xp.minimum(power, _LARGEST))
        mass = xp.where(tail, mills, _SQRT_TWO_PI - mills * near)
        m1 = xp.where(tail, r1, near / mass + a)
        m2 = xp.where(tail, r1 * r2, 1 + a * m1)
        m3 = xp.where(tail, r1 * r2 * r3, 2 * m1 + a * m2)
        m4 = xp.where(tail, r1 * r2 * r3 * r4, 3 * m2 + a * m3)
        return mass, xp.where(tail, 0.0, power), (m1, m2, m3, m4)

    def _beyond(self, x: Any, u: Any) -> Any:
        """Find z >= 0 with ``M(x + z) exp(-z^2/2 - x z) = u M(x)`` for x >= 0: a quantile."""
        xp = self._xp
        mills = self._mills(x)
        loss = -xp.log(u)
        z = xp.minimum(loss * mills, 2 * loss / (x + xp.sqrt(x * x + 2 * loss)))
        log_mills = xp.log(mills)
        for _ in range(2):
            hazard = 1 / self._mills(x + z)
            excess = z * (x + 0.5 * z) + log_mills + xp.log(hazard) - loss
            z = z - excess / (hazard - 0.5 * excess * (hazard - x - z))
        return xp.maximum(z, 0.0)
