"""Weights in the form that chains run on: a dense array, or compressed rows.

Trained assemblies are sparse. If fewer than three tenths of the weights differ from zero, the
compressed form is faster (see benchmarks); otherwise the dense one, whose products run in BLAS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.checks import require, require_chains, require_indices
from napari_crbm.model.compute.kernels import gibbs, projection
from napari_crbm.model.compute.kernels.lanes import lane_bounds
from napari_crbm.model.compute.randomness import subkey
from napari_crbm.spikes import Spikes

#: Compressed rows are used if a smaller share of the weights may differ from zero.
SPARSE_BELOW = 0.3


class GibbsKernels(NamedTuple):
    """Compiled Gibbs steps of one type of hidden unit.

    ``dense`` takes weights (N, M), ``sparse`` weights in compressed rows, and both then fields
    (N,), ``constants``, inputs (B, M), bits (N, words), lanes (L + 1,), key and number of steps.
    ``constants`` describe the units in whatever form the kernels need.
    """

    constants: Any
    dense: Callable[..., None]
    sparse: Callable[..., None]


class DrawnUnits(Protocol):
    """Hidden units as Gibbs steps need them; see `model.units.protocol.HiddenUnits`."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the parameters (M,)."""

    @property
    def gibbs_kernels(self) -> GibbsKernels | None:
        """Compiled Gibbs steps, if the type has them."""

    def sample(self, inputs: NDArray[np.floating], key: np.uint64) -> NDArray[np.float32]:
        """Draw h given inputs (B, M)."""


class DenseWeights(NamedTuple):
    """Weights as a (N, M) float32 array. Hold `kernel_threads` while calling methods."""

    values: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return self.values.shape[0], self.values.shape[1]

    def gibbs(
        self,
        fields: NDArray[np.float32],
        units: DrawnUnits,
        inputs: NDArray[np.float32],
        bits: NDArray[np.uint64],
        key: np.uint64,
        n_steps: int,
    ) -> None:
        """Advance B chains in place: ``inputs`` (B, M) and ``bits`` (N, words)."""
        require_chains(self.shape, inputs, bits, fields, units)
        kernels = units.gibbs_kernels
        if kernels is None:
            gibbs_one_by_one(self, fields, units, inputs, bits, key, n_steps)
            return
        lanes = lane_bounds(len(fields))
        kernels.dense(self.values, fields, kernels.constants, inputs, bits, lanes, key, n_steps)

    def project_frames(
        self, spikes: Spikes, frames: NDArray[np.int64], inputs: NDArray[np.float32]
    ) -> None:
        """Write the hidden inputs (B, M) of the chosen frames."""
        require_frames(self.shape, spikes, frames, inputs)
        projection.project_frames(self.values, *spikes.by_frame, frames, inputs)

    def project_bits(self, bits: NDArray[np.uint64], inputs: NDArray[np.float32]) -> None:
        """Write the hidden inputs (B, M) of activity given as bits a neuron."""
        require_chains(self.shape, inputs, bits)
        projection.project_bits(self.values, bits, lane_bounds(len(bits)), inputs)

    def draw_neurons(
        self,
        fields: NDArray[np.float32],
        hidden_values: NDArray[np.float32],
        inputs: NDArray[np.float32],
        bits: NDArray[np.uint64],
        key: np.uint64,
    ) -> None:
        """Replace activity and ``inputs`` (B, M) given `in_vectors` of hidden values."""
        require_chains(self.shape, inputs, bits, fields)
        require_vectors(self.shape, hidden_values, len(inputs))
        lanes = lane_bounds(len(fields))
        gibbs.draw_neurons(self.values, fields, hidden_values, inputs, bits, lanes, key)


class SparseWeights(NamedTuple):
    """Weights in compressed rows: ``starts`` (N + 1,) int64, ``columns`` uint32, ``values``.

    The methods are those of `DenseWeights`.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.uint32]
    values: NDArray[np.float32]
    n_hidden: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return len(self.starts) - 1, self.n_hidden

    @property
    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
        """The three arrays that kernels take."""
        return self.starts, self.columns, self.values

    @classmethod
    def where(cls, weights: NDArray[np.float32], chosen: NDArray[np.bool_]) -> SparseWeights:
        """Compress the chosen elements (N, M) of dense weights; the others count as zero."""
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(chosen, axis=1))])
        columns = np.nonzero(chosen)[1].astype(np.uint32)
        return cls(starts.astype(np.int64), columns, weights[chosen], weights.shape[1])

    def gibbs(
        self,
        fields: NDArray[np.float32],
        units: DrawnUnits,
        inputs: NDArray[np.float32],
        bits: NDArray[np.uint64],
        key: np.uint64,
        n_steps: int,
    ) -> None:
        """Advance B chains in place: ``inputs`` (B, M) and ``bits`` (N, words)."""
        require_chains(self.shape, inputs, bits, fields, units)
        kernels = units.gibbs_kernels
        if kernels is None:
            gibbs_one_by_one(self, fields, units, inputs, bits, key, n_steps)
            return
        lanes = lane_bounds(len(fields))
        kernels.sparse(*self.rows, fields, kernels.constants, inputs, bits, lanes, key, n_steps)

    def project_frames(
        self, spikes: Spikes, frames: NDArray[np.int64], inputs: NDArray[np.float32]
    ) -> None:
        """Write the hidden inputs (B, M) of the chosen frames."""
        require_frames(self.shape, spikes, frames, inputs)
        projection.project_frames_sparse(*self.rows, *spikes.by_frame, frames, inputs)

    def project_bits(self, bits: NDArray[np.uint64], inputs: NDArray[np.float32]) -> None:
        """Write the hidden inputs (B, M) of activity given as bits a neuron."""
        require_chains(self.shape, inputs, bits)
        projection.project_bits_sparse(*self.rows, bits, lane_bounds(len(bits)), inputs)

    def draw_neurons(
        self,
        fields: NDArray[np.float32],
        hidden_values: NDArray[np.float32],
        inputs: NDArray[np.float32],
        bits: NDArray[np.uint64],
        key: np.uint64,
    ) -> None:
        """Replace activity and ``inputs`` (B, M) given `in_vectors` of hidden values."""
        require_chains(self.shape, inputs, bits, fields)
        require_vectors(self.shape, hidden_values, len(inputs))
        lanes = lane_bounds(len(fields))
        gibbs.draw_neurons_sparse(*self.rows, fields, hidden_values, inputs, bits, lanes, key)


def gibbs_one_by_one(
    weights: DenseWeights | SparseWeights,
    fields: NDArray[np.float32],
    units: DrawnUnits,
    inputs: NDArray[np.float32],
    bits: NDArray[np.uint64],
    key: np.uint64,
    n_steps: int,
) -> None:
    """Advance chains with hidden units that have no compiled Gibbs steps of their own."""
    for step in range(n_steps):
        hidden_key, visible_key = (np.uint64(subkey(key, 2 * step + k)) for k in (0, 1))
        hidden = in_vectors(units.sample(inputs, hidden_key))
        weights.draw_neurons(fields, hidden, inputs, bits, visible_key)


def require_frames(
    shape: tuple[int, int], spikes: Spikes, frames: NDArray[np.int64], inputs: NDArray[np.float32]
) -> None:
    """Refuse frames or inputs that do not fit weights of ``shape`` (N, M)."""
    if spikes.n_neurons != shape[0]:
        raise ModelError(
            f"The weights are of {shape[0]} neurons; the recording has {spikes.n_neurons}."
        )
    require_indices("frames", frames, spikes.n_frames)
    require("inputs", inputs, (len(frames), shape[1]), np.float32)


def require_vectors(
    shape: tuple[int, int], hidden_values: NDArray[np.float32], n_chains: int
) -> None:
    """Refuse hidden values that are not the `in_vectors` of ``n_chains`` chains."""
    width = -(-n_chains // gibbs.VECTOR) * gibbs.VECTOR
    require("hidden values", hidden_values, (shape[1], width), np.float32)


def in_vectors(hidden: NDArray[np.float32]) -> NDArray[np.float32]:
    """Transpose hidden values (B, M) into rows padded to whole vectors, (M, >= B)."""
    width = -(-len(hidden) // gibbs.VECTOR) * gibbs.VECTOR
    values = np.zeros((hidden.shape[1], width), dtype=np.float32)
    values[:, : len(hidden)] = hidden.T
    return values


def efficient(
    weights: NDArray[np.float32], chosen: NDArray[np.bool_] | None = None
) -> DenseWeights | SparseWeights:
    """Return the faster form of (N, M) weights, of which ``chosen`` may differ from zero."""
    if chosen is None:
        chosen = weights != 0
    if np.count_nonzero(chosen) < SPARSE_BELOW * chosen.size:
        return SparseWeights.where(weights, chosen)
    return DenseWeights(weights)
