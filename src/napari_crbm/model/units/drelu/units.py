r"""The double-ReLU hidden unit: a Gaussian with its own width and slope on each side of zero.

The potential (paper Eq. 13 in the convention of the reference implementation) is

.. math:: U(h) = \tfrac12\gamma_+ h_+^2 + \tfrac12\gamma_- h_-^2 + \theta_+ h_+ + \theta_- |h_-|

with :math:`h_+ = \max(h, 0)`, :math:`h_- = \min(h, 0)`. Note that
:math:`\theta_-` multiplies :math:`|h_-|`, so it is minus the paper's.

Given its input ``I`` a unit is a mixture of two truncated normals. On the
positive side, with ``a = theta_plus - I`` and ``x = a / sqrt(gamma_plus)``, the
scaled variable ``z = h sqrt(gamma_plus)`` has weight ``exp(-z^2 / 2 - x z)``, whose
moments obey ``m[k+1] + x m[k] = k m[k-1]``. For positive x this recursion cancels
when run forwards (the error grows like ``x^2k``), but is stable run backwards: the
ratios ``r[k] = m[k] / m[k-1]`` follow from ``r[k] = k / (x + r[k+1])``, and the
normalisation, the Mills ratio, from ``1 / (x + r[1])``. For negative x the forward
recursion only adds and does not cancel. Differences of ``erf``, which cancel in the tails, are not
used.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.weights import GibbsKernels
from napari_crbm.model.units.drelu.arrays import ArrayDReLU
from napari_crbm.model.units.drelu.gibbs import gibbs, gibbs_sparse
from napari_crbm.model.units.drelu.kernels import (
    GROUP,
    cumulant_kernel,
    mean_kernel,
    moments_kernel,
    sample_kernel,
)
from napari_crbm.model.units.drelu.moments import Moments


class DReLU(NamedTuple):
    """Parameters of M double-ReLU units, each (M,) float64.

    ``theta_minus`` multiplies ``|h|`` for negative ``h``. Methods are those of
    `napari_crbm.model.units.protocol.HiddenUnits`.
    """

    gamma_plus: NDArray[np.float64]
    gamma_minus: NDArray[np.float64]
    theta_plus: NDArray[np.float64]
    theta_minus: NDArray[np.float64]

    @property
    def n_hidden(self) -> int:
        """Number of units M."""
        return len(self.gamma_plus)

    @property
    def problem(self) -> str | None:
        """A sentence if a stiffness is not positive; None otherwise."""
        if min(self.gamma_plus.min(), self.gamma_minus.min()) > 0:
            return None
        return "The hidden units' gamma_plus and gamma_minus must be positive."

    # --- distribution ---------------------------------------------------------------------

    def potential(self, h: ArrayLike) -> NDArray[np.float64]:
        """Compute U(h) of every unit (paper Eq. 13) for values (..., M)."""
        value = np.asarray(h, dtype=np.float64)
        up, down = np.maximum(value, 0.0), np.maximum(-value, 0.0)
        return np.asarray(
            0.5 * self.gamma_plus * up**2
            + 0.5 * self.gamma_minus * down**2
            + self.theta_plus * up
            + self.theta_minus * down
        )

    def cumulant(self, inputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute Gamma(I) = log of the integral of exp(-U(h) + I h) dh for inputs (B, M)."""
        self._require_inputs(inputs)
        out = np.empty(inputs.shape)
        cumulant_kernel(inputs, self._stacked(), out)
        return out

    def mean(self, inputs: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute E[h | I] for inputs (B, M) (paper Eq. 9), float32."""
        self._require_inputs(inputs)
        out = np.empty(inputs.shape, dtype=np.float32)
        mean_kernel(inputs, self._stacked(), out)
        return out

    def moments(self, inputs: NDArray[np.floating]) -> Moments:
        """Compute conditional moments of both sides for inputs (B, M)."""
        self._require_inputs(inputs)
        raw = np.empty((8, *inputs.shape))
        moments_kernel(inputs, self._stacked(), raw)
        return Moments(raw[:4], raw[4:])

    def sample(self, inputs: NDArray[np.floating], key: np.uint64) -> NDArray[np.float32]:
        """Draw h given inputs (B, M) from the stream ``key``, float32."""
        self._require_inputs(inputs)
        out = np.empty(inputs.shape, dtype=np.float32)
        sample_kernel(inputs.astype(np.float32, copy=False), self._sampling_constants(), key, out)
        return out

    # --- speed ------------------------------------------------------------------------------

    @property
    def gibbs_kernels(self) -> GibbsKernels:
        """Compiled Gibbs steps in which these units are drawn."""
        return GibbsKernels(self._sampling_constants(), gibbs, gibbs_sparse)

    @classmethod
    def on_arrays(cls, xp: Any) -> ArrayDReLU:
        """Return the same mathematics for an array module such as CuPy."""
        return ArrayDReLU(xp)

    # --- other units ------------------------------------------------------------------------

    def select(self, units: NDArray[Any]) -> Self:
        """Return some of the units (indices or mask)."""
        return type(self)(*(row[units] for row in self))

    def rescaled(self, scale: NDArray[np.float64]) -> Self:
        """Return the units of ``h / scale``; with weights times ``scale`` the model is the same."""
        return type(self)(
            self.gamma_plus * scale**2,
            self.gamma_minus * scale**2,
            self.theta_plus * scale,
            self.theta_minus * scale,
        )

    def mirrored(self, units: NDArray[np.bool_]) -> Self:
        """Return the units with ``-h`` for the chosen ones; their weights change sign too."""
        return type(self)(
            np.where(units, self.gamma_minus, self.gamma_plus),
            np.where(units, self.gamma_plus, self.gamma_minus),
            np.where(units, self.theta_minus, self.theta_plus),
            np.where(units, self.theta_plus, self.theta_minus),
        )

    # --- what kernels take ------------------------------------------------------------------

    def _stacked(self) -> NDArray[np.float64]:
        """All four rows in one (4, M) array."""
        return np.ascontiguousarray(np.stack(self), dtype=np.float64)

    def _sampling_constants(self) -> NDArray[np.float32]:
        """Constants of `kernels.sample_row`, (4, M rounded up to whole groups) float32.

        Inverse square roots of both stiffnesses, then both thetas; the spare columns describe
        units that are not used.
        """
        n_hidden = self.n_hidden
        constants = np.zeros((4, -(-n_hidden // GROUP) * GROUP), dtype=np.float32)
        constants[:2] = 1.0
        constants[0, :n_hidden] = 1 / np.sqrt(self.gamma_plus)
        constants[1, :n_hidden] = 1 / np.sqrt(self.gamma_minus)
        constants[2, :n_hidden] = self.theta_plus
        constants[3, :n_hidden] = self.theta_minus
        return constants

    def _require_inputs(self, inputs: NDArray[np.floating]) -> None:
        """Refuse inputs that are not (B, M), before a kernel reads beyond them."""
        wanted = (self.n_hidden,)
        fits = isinstance(inputs, np.ndarray) and inputs.ndim == 2 and inputs.dtype.kind == "f"
        if not fits or inputs.shape[1:] != wanted or any(np.shape(row) != wanted for row in self):
            raise ModelError(
                f"Inputs must be numbers of shape (frames, {self.n_hidden}), one for each hidden "
                f"unit; found shape {np.shape(inputs)} and units of "
                f"{', '.join(str(np.shape(row)) for row in self)}."
            )
