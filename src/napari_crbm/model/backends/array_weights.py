"""Weights on whole arrays: always dense, with products by the array module's BLAS.

Roles and steps are those of `model.compute.active_weights` and
`model.compute.kernels.weight_update`. Activity is (N, B) float32, so that sums over active
neurons are matrix products. Neurons are computed in blocks, which bounds the memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.array_raster import ArrayRaster
from napari_crbm.model.backends.array_units import units_on
from napari_crbm.model.compute.active_weights import Means, Rule
from napari_crbm.model.compute.array_random import subkeys, uniforms
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.compute.weights import SPARSE_BELOW
from napari_crbm.model.units.protocol import HiddenUnits

# Neurons computed together.
_ROWS = 16_384
# exp() of more than this is infinite in single precision.
_LIMIT = 87.0


class ArrayWeights:
    """Weights (N, M) float32 that chains run on; the methods are those of `DenseWeights`.

    Parameters
    ----------
    xp : module
    values : (N, M) float32
        Shared with the training.
    members : list of int arrays, optional
        Neurons that may have a weight to each unit; by default those that have one.
    """

    def __init__(self, xp: Any, values: Any, members: list[Any] | None = None) -> None:
        self._xp, self.values, self._members = xp, values, members

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return self.values.shape[0], self.values.shape[1]

    def gibbs(
        self,
        fields: Any,
        units: HiddenUnits,
        inputs: Any,
        activity: Any,
        key: np.uint64,
        n_steps: int,
    ) -> None:
        """Advance B chains in place: ``inputs`` (B, M) and ``activity`` (N, B)."""
        xp = self._xp
        chains = xp.arange(len(inputs), dtype=np.uint64)
        steps = subkeys(np, key, np.arange(2 * n_steps, dtype=np.uint64))
        for step in range(n_steps):
            keys = subkeys(xp, steps[2 * step], chains)
            hidden = units_on(xp, units).sample(inputs, units, keys)
            self.draw_neurons(fields, hidden.T, inputs, activity, steps[2 * step + 1])

    def project_frames(self, raster: ArrayRaster, frames: NDArray[np.int64], inputs: Any) -> None:
        """Write the hidden inputs (B, M) of the chosen frames."""
        for part in raster.parts(frames):
            inputs[part] = raster.dense(frames[part]) @ self.values

    def project_bits(self, activity: Any, inputs: Any) -> None:
        """Write the hidden inputs (B, M) of activity (N, B)."""
        inputs[:] = activity.T @ self.values

    def draw_neurons(
        self, fields: Any, hidden_values: Any, inputs: Any, activity: Any, key: np.uint64
    ) -> None:
        """Replace activity (N, B) and ``inputs`` (B, M) given hidden values (M, B)."""
        xp = self._xp
        n_chains = activity.shape[1]
        for rows in row_blocks(len(fields), _ROWS):
            odds = self._odds_of_silence(fields, hidden_values, rows)
            odds += 1
            keys = subkeys(xp, key, xp.arange(rows.start, rows.stop, dtype=np.uint64))
            odds *= uniforms(xp, keys, n_chains)
            activity[rows] = odds < 1
        self.project_bits(activity, inputs)

    def _odds_of_silence(self, fields: Any, hidden_values: Any, rows: Any) -> Any:
        """Compute exp(-input) of the chosen neurons in every chain, (n, B) float32."""
        xp = self._xp
        drive = self.values[rows] @ hidden_values
        drive += fields[rows][:, None]
        return xp.exp(xp.clip(-drive, -_LIMIT, _LIMIT))

    def subtract_expected(self, fields: Any, hidden: Any, centred: Any, gradient: Any) -> None:
        """See `kernels.gibbs.subtract_expected`; hidden values (B, M)."""
        for rows in row_blocks(len(fields), _ROWS):
            probability = 1 / (1 + self._odds_of_silence(fields, hidden.T, rows))
            gradient[rows] -= probability @ centred / len(hidden)


class ArrayActiveSet:
    """`model.compute.active_weights.ActiveSet` on whole arrays; takes and gives NumPy arrays."""

    def __init__(
        self,
        xp: Any,
        get: Any,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> None:
        self._xp, self._get = xp, get
        self._weights = xp.asarray(weights)
        self._second_moment = xp.asarray(second_moment)
        self._roles = xp.asarray(roles)
        self._choose_form()

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return self._weights.shape[0], self._weights.shape[1]

    @property
    def roles(self) -> NDArray[np.uint8]:
        """`SILENT` or `ACTIVE`, (N, M)."""
        return np.asarray(self._get(self._roles), dtype=np.uint8)

    def _choose_form(self) -> None:
        takes_part = self._roles != SILENT
        counts = self._get(takes_part.sum(axis=0))
        self._few = bool(counts.sum() < SPARSE_BELOW * self._roles.size)
        members = None
        if self._few:
            neurons = self._xp.nonzero(takes_part.T)[1]
            ends = np.cumsum(counts).tolist()
            members = [neurons[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        self.form = ArrayWeights(self._xp, self._weights, members)

    def dense(self) -> NDArray[np.float32]:
        """Return the current weights (N, M)."""
        return np.asarray(self._get(self._weights), dtype=np.float32)

    def second_moment(self) -> NDArray[np.float32]:
        """Return the running means of squared gradients (N, M)."""
        return np.asarray(self._get(self._second_moment), dtype=np.float32)

    def largest(self) -> float:
        """Return the largest absolute weight; not a number if any weight is not."""
        return float(self._xp.abs(self._weights).max())

    def gradient_rms(self) -> float:
        """Return the root mean square of the latest gradients of the weights that take part."""
        total, count = 0.0, float(self._weights.size)
        if self._few:
            count = max(float((self._roles != SILENT).sum()), 1.0)
        for rows in row_blocks(len(self._weights), _ROWS):
            squares = self._second_moment[rows]
            if self._few:
                squares = self._xp.where(self._roles[rows] == SILENT, 0.0, squares)
            total += float(squares.sum(dtype=np.float64))
        return float(np.sqrt(total / count))

    def step(
        self,
        data: tuple[Any, Any],
        chains: tuple[Any, Any],
        centre: Any,
        rates: tuple[np.float32, ...],
        means: Means,
        fields: Any,
        inputs: Any,
    ) -> Any:
        """Update the weights by one proximal step; adjust fields and compute inputs."""
        shift = self._xp.zeros(self.shape[1])
        for rows in row_blocks(len(self._weights), _ROWS):
            gradient = data[0][rows] @ data[1]
            gradient -= chains[0][rows] @ chains[1]
            gradient += means[0][rows][:, None] * centre
            before = self._weights[rows].copy()
            self._step_rows(rows, gradient, rates)
            shift += _follow(self._weights[rows] - before, means, fields, rows)
        self.form.project_bits(chains[0], inputs)
        return shift

    def _step_rows(self, rows: slice, gradient: Any, rates: tuple[np.float32, ...]) -> None:
        xp = self._xp
        rate, l1, decay, correction, epsilon, limit = (float(value) for value in rates)
        roles, weights = self._roles[rows], self._weights[rows]
        gradient = xp.clip(gradient, -limit, limit)
        moment = decay * self._second_moment[rows] + (1 - decay) * gradient * gradient
        step = rate / (epsilon + xp.sqrt(moment * correction))
        moved = weights + step * gradient
        moved = xp.copysign(xp.maximum(xp.abs(moved) - step * l1, 0.0), moved)
        silent = roles == SILENT
        self._weights[rows] = xp.where(silent, np.float32(0), moved)
        if self._few:
            # As in the compressed form, which has no moments of silent weights.
            moment = xp.where(silent, self._second_moment[rows], moment)
        self._second_moment[rows] = moment

    def revise(self, rule: Rule) -> None:
        """Give every weight a new role."""
        for rows in row_blocks(len(self._weights), _ROWS):
            self._roles[rows] = rule(rows, self._weights[rows], self._roles[rows])
        self._choose_form()


def _follow(change: Any, means: Means, fields: Any, rows: slice) -> Any:
    """Adjust the fields, in place, to a change (n, M) of the weights of some neurons.

    Returns
    -------
    shift : (M,) float64
        Change of the hidden inputs of the mean activity.
    """
    mean_activity, mean_hidden = means
    change = change.astype(np.float64)
    fields[rows] -= (change @ mean_hidden).astype(np.float32)
    return mean_activity[rows].astype(np.float64) @ change
