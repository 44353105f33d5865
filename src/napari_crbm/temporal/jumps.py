r"""Jumps of hidden units between on and off, which Gibbs steps rarely make.

Given the other hidden units, and with all neurons summed over, a hidden unit has the probability

.. math:: P(h_\mu \mid h_{\nu \ne \mu}) \propto
   e^{-U_\mu(h_\mu) + d_\mu h_\mu} \prod_i \big(1 + e^{g_i + \sum_\nu w_{i\nu} h_\nu}\big)

with the drive d. It has two peaks if the members of an assembly are on or off together. New values
are proposed from the values that the unit has in recorded frames, tilted by the drive, and accepted
by Metropolis and Hastings' rule, one unit after the other. The neurons are drawn afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.weights import in_vectors
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.switching import UnitWeights
from napari_crbm.temporal.jump_kernels import propose

# Cells of the grid of proposals, its margin and smoothing in cells, and the share of proposals
# that is spread over all cells.
_CELLS, _MARGIN, _SMOOTHING, _EVERYWHERE = 96, 8, 1.5, 0.02
# Drives for which proposals are tabulated.
_LEVELS, _LARGEST_DRIVE = 65, 8.0
_DRAW, _ACCEPT = 61, 62


@dataclass(frozen=True, eq=False)
class Jumps:
    """Proposals for the units of an RBM, and its weights by unit.

    Parameters
    ----------
    rbm : RBM
    cumulative : (M, L, G + 1) float64
        Cumulative probability of the cells of proposals, for each level of the drive.
    edges, widths : (M,) float64
        Lowest edge and width of the cells.
    by_unit : UnitWeights
    """

    rbm: RBM
    cumulative: NDArray[np.float64]
    edges: NDArray[np.float64]
    widths: NDArray[np.float64]
    by_unit: UnitWeights

    @classmethod
    def of(cls, rbm: RBM, inputs: NDArray[np.float32]) -> Jumps:
        """Make proposals from the hidden inputs (T, M) of recorded frames."""
        hidden = rbm.hidden.sample(inputs, stream(_DRAW)).astype(np.float64)
        low, high = hidden.min(axis=0), hidden.max(axis=0)
        widths = np.maximum(high - low, 1e-3) / (_CELLS - 2 * _MARGIN)
        edges = low - _MARGIN * widths
        cells = np.clip(((hidden - edges) / widths).astype(np.int64), 0, _CELLS - 1)
        drives = np.linspace(-_LARGEST_DRIVE, _LARGEST_DRIVE, _LEVELS)
        cumulative = np.zeros((rbm.n_hidden, _LEVELS, _CELLS + 1))
        for unit in range(rbm.n_hidden):
            counts = np.bincount(cells[:, unit], minlength=_CELLS).astype(np.float64)
            share = gaussian_filter1d(counts, _SMOOTHING, mode="nearest") / len(hidden)
            # Beyond the recorded values proposals are rare but possible.
            share = np.maximum(share, 1e-6)
            centre = edges[unit] + (np.arange(_CELLS) + 0.5) * widths[unit]
            tilted = np.log(share) + drives[:, None] * centre
            tilted = np.exp(tilted - tilted.max(axis=1, keepdims=True))
            tilted /= tilted.sum(axis=1, keepdims=True)
            tilted = (1 - _EVERYWHERE) * tilted + _EVERYWHERE / _CELLS
            cumulative[unit, :, 1:] = np.cumsum(tilted, axis=1)
            cumulative[unit] /= cumulative[unit, :, -1:]
        return cls(rbm, cumulative, edges, widths, UnitWeights.of(rbm.weights))

    def with_weights(self, rbm: RBM) -> Jumps:
        """Return the same proposals for an RBM with other weights."""
        return replace(self, rbm=rbm, by_unit=UnitWeights.of(rbm.weights))

    def move(
        self,
        hidden: NDArray[np.float32],
        drive: NDArray[np.float32],
        fields: NDArray[np.float32],
        key: np.uint64,
    ) -> None:
        """Let hidden values (C, M) jump in place, given drives (C, M) and fields (N,).

        Hold `kernel_threads`.
        """
        step = 2 * _LARGEST_DRIVE / (_LEVELS - 1)
        level = np.rint((np.clip(drive, -_LARGEST_DRIVE, _LARGEST_DRIVE) + _LARGEST_DRIVE) / step)
        proposed, ratio = np.empty_like(hidden), np.empty(hidden.shape)
        inside = hidden >= self.edges
        inside &= hidden < self.edges + _CELLS * self.widths
        propose(
            hidden,
            level.astype(np.int64),
            self.cumulative,
            self.edges,
            self.widths,
            key,
            proposed,
            ratio,
        )
        units = self.rbm.hidden
        own = ratio + units.potential(hidden) - units.potential(proposed)
        own += drive.astype(np.float64) * (proposed.astype(np.float64) - hidden)
        # A value beyond the grid is never proposed, so that leaving it would break the balance.
        own[~inside] = -np.inf
        generator = np.random.default_rng([_ACCEPT, int(key)])
        values = in_vectors(hidden)
        least = (np.log(generator.random(own.shape)) - own).T
        self.by_unit.switch(fields, values, proposed.T, least)
        hidden[:] = values[:, : len(hidden)].T
