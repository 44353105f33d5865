r"""Weights in training: which of them take part, and their updates.

A weight whose gradient at zero is smaller than the penalty is zero at the optimum. Under the
noise of small batches a proximal step alone does not keep it at zero. So from time to time the
gradient is computed from many frames. Weights at zero whose gradient is smaller than the penalty
are then silenced, and silent weights with a large gradient join (the active sets of coordinate
descent, Friedman et al. 2010). Most assemblies hold a few per cent of the neurons, so
that an update touches a few per cent of the weights.

In every update the fields and the shifts of the hidden inputs are adjusted, so that mean
inputs of neurons and hidden units stay the same (Melchior, Fischer and Wiskott 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.checks import require, require_chains
from napari_crbm.model.compute.kernels import weight_update
from napari_crbm.model.compute.kernels.lanes import lane_bounds
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.compute.weights import SparseWeights, efficient

#: Maps rows, their weights and their roles to new roles, see `model.training.weight_selection`.
#: Only weights that are zero may become silent.
Rule = Callable[[slice, Any, Any], Any]
#: Mean activity of the neurons (N,) float32 and of the hidden units (M,) float64, on the data.
Means = tuple[Any, Any]


class ActiveSet:
    """Weights in training, with the running means of their squared gradients and their roles.

    Parameters
    ----------
    weights, second_moment : (N, M) float32
        Changed in place.
    roles : (N, M) uint8
        `SILENT` or `ACTIVE`.
    """

    def __init__(
        self,
        weights: NDArray[np.float32],
        second_moment: NDArray[np.float32],
        roles: NDArray[np.uint8],
    ) -> None:
        require("weights", weights, (None, None), np.float32)
        require("second moments", second_moment, weights.shape, np.float32)
        require("roles", roles, weights.shape, np.uint8)
        self._weights = weights
        self._second_moment = second_moment
        self.roles = roles
        self._lanes = lane_bounds(len(weights))
        self._choose_form()

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return self._weights.shape[0], self._weights.shape[1]

    def _choose_form(self) -> None:
        active = self.roles != SILENT
        self.form = efficient(self._weights, active)
        if isinstance(self.form, SparseWeights):
            self._compressed_moment = self._second_moment[active]

    def _write_back(self) -> None:
        if isinstance(self.form, SparseWeights):
            active = self.roles != SILENT
            self._weights[active] = self.form.values
            self._second_moment[active] = self._compressed_moment

    def dense(self) -> NDArray[np.float32]:
        """Return the current weights (N, M), valid until the next step."""
        self._write_back()
        return self._weights

    def second_moment(self) -> NDArray[np.float32]:
        """Return the running means of squared gradients (N, M), valid until the next step."""
        self._write_back()
        return self._second_moment

    def largest(self) -> float:
        """Return the largest absolute weight; not a number if any weight is not."""
        return float(np.abs(self.form.values).max(initial=0.0))

    def gradient_rms(self) -> float:
        """Return the root mean square of the latest gradients of the weights that take part."""
        sparse = isinstance(self.form, SparseWeights)
        squares = self._compressed_moment if sparse else self._second_moment
        return float(np.sqrt(squares.mean(dtype=np.float64))) if squares.size else 0.0

    def step(
        self,
        data: tuple[NDArray[np.uint64], NDArray[np.float32]],
        chains: tuple[NDArray[np.uint64], NDArray[np.float32]],
        centre: NDArray[np.float32],
        rates: tuple[np.float32, ...],
        means: tuple[NDArray[np.float32], NDArray[np.float64]],
        fields: NDArray[np.float32],
        inputs: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        """Update the weights, adjust the fields, and compute the chains' inputs.

        See `kernels.weight_update.update_weights` for the arguments. ``data`` and ``chains`` are
        the bits and hidden factors of the two phases.

        Returns
        -------
        shift : (M,) float64
            Change of the hidden inputs of the mean activity.
        """
        n_hidden = self.shape[1]
        for bits, values in (data, chains):
            require_chains(self.shape, values, bits, fields)
        require("centre", centre, (n_hidden,), np.float32)
        require("inputs", inputs, (len(chains[1]), n_hidden), np.float32)
        require("mean activity", means[0], fields.shape, np.float32)
        require("mean hidden units", means[1], (n_hidden,), np.float64)
        shift = np.empty(n_hidden)
        shared = (*data, *chains, centre, rates, self._lanes, *means, fields, inputs, shift)
        if isinstance(self.form, SparseWeights):
            weight_update.update_weights_sparse(*self.form.rows, self._compressed_moment, *shared)
        else:
            weight_update.update_weights(self._weights, self._second_moment, self.roles, *shared)
        return shift

    def revise(self, rule: Rule) -> None:
        """Give every weight a new role."""
        self._write_back()
        for rows in row_blocks(len(self._weights)):
            self.roles[rows] = rule(rows, self._weights[rows], self.roles[rows])
        self._choose_form()
