r"""Jumps of hidden units: Metropolis-Hastings moves that switch assemblies on or off.

Gibbs steps alone rarely switch a large assembly: its active neurons keep their hidden unit high,
and the unit keeps them active. A jump proposes other values for a few units and accepts or
rejects them with the neurons marginalised, that is, on the distribution of the hidden units:

.. math:: P(h) \propto e^{-\sum_\mu U_\mu(h_\mu)} \prod_i (1 + e^{g_i + \sum_\mu w_{i\mu} h_\mu})

The proposal is the distribution of these units in a randomly chosen recorded frame,
:math:`q(h) = \frac1K \sum_k \prod_\mu e^{-U_\mu(h_\mu) + I_{k\mu} h_\mu -
\Gamma_\mu(I_{k\mu})}`, so that potentials cancel from the acceptance ratio and there is
nothing to tune.

A large assembly shares neurons with many small ones, and several units may represent it
together. A jump of one of these units alone is then always rejected; it must include all units
that are correlated with it in the recording. So units jump alone or in blocks. Blocks are drawn
for every jump independently of the chains; in half of the draws the units whose inputs vary most
come first and get the largest blocks. Only jumps that move a unit to the other side of zero are
tried, since Gibbs steps do the rest. This keeps the distribution, because the reverse jump is of
the same kind, and it needs a decision in few chains only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Activity, Array, Backend, Weights
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.units.protocol import HiddenUnits

# A round of jumps visits so many neurons in all chains, in units of their number: about the work
# of as many Gibbs steps.
_EFFORT = 3.0
# Sizes of blocks, equally likely: of units in random order, and with the largest units first.
_SIZES, _SIZES_OF_LARGEST = (1, 1, 2, 4, 8), (8, 16)
# Smallest absolute correlation of units of a block in recorded frames.
_SIMILAR = 0.2
# A round of jumps takes place in every so many Gibbs steps.
_EVERY = 2


class _Proposals(NamedTuple):
    """Quantities that stay the same in all rounds of jumps.

    ``examples`` (K, M) are the hidden inputs of recorded frames, ``inputs`` and ``cumulants``
    (M, K) the same inputs and their cumulants by unit, ``similarity`` (M, M) absolute correlations
    of the units, ``largest_first`` (M,) units ordered by how much their inputs vary, ``switching``
    (M,) the share of chains in which a jump of each unit crosses zero, if chains are distributed
    as the examples.
    """

    examples: Array
    inputs: Array
    cumulants: Array
    similarity: NDArray[np.float64]
    largest_first: NDArray[np.int64]
    switching: NDArray[np.float64]
    members_of: Callable[[int], Array]

    @classmethod
    def made(
        cls,
        weights: Weights,
        units: HiddenUnits,
        examples: Array,
        backend: Backend,
        similarity: NDArray[np.float64] | None = None,
    ) -> _Proposals:
        n_hidden = units.n_hidden
        if examples.ndim != 2 or len(examples) == 0 or examples.shape[1] != n_hidden:
            raise ModelError(
                f"Hidden inputs of frames must have shape (frames, {n_hidden}); found shape "
                f"{examples.shape}."
            )
        means = backend.get(backend.mean(examples, units))
        on = (means > 0).mean(axis=0)
        return cls(
            examples,
            examples.T.copy(),
            backend.cumulant(examples, units).T.copy(),
            absolute_correlations(means) if similarity is None else similarity,
            np.argsort(-backend.get(examples).std(axis=0), kind="stable"),
            2 * on * (1 - on),
            weights.members(),
        )

    def blocks(self, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """Divide all units into random disjoint blocks of similar units."""
        n_hidden = len(self.similarity)
        if generator.random() < 0.5:
            leaders, sizes = self.largest_first, generator.choice(_SIZES_OF_LARGEST, n_hidden)
        else:
            leaders, sizes = generator.permutation(n_hidden), generator.choice(_SIZES, n_hidden)
        free = np.ones(n_hidden, dtype=bool)
        blocks = []
        for leader, size in zip(leaders, sizes, strict=True):
            if not free[leader]:
                continue
            free[leader] = False
            partners = np.flatnonzero(free & (self.similarity[leader] > _SIMILAR))
            nearest = np.argsort(-self.similarity[leader, partners], kind="stable")[: size - 1]
            free[partners[nearest]] = False
            blocks.append(np.concatenate([[leader], partners[nearest]]))
        return blocks


def absolute_correlations(means: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute absolute correlations (M, M) of hidden units from their means in frames (K, M)."""
    spread = means.std(axis=0, dtype=np.float64)
    standard = (means - means.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return np.asarray(np.abs(standard.T @ standard) / len(means))


def jump(
    weights: Weights,
    fields: Array,
    units: HiddenUnits,
    inputs: Array,
    activity: Activity,
    examples: Array,
    key: np.uint64,
    backend: Backend = NUMBA,
) -> dict[int, float]:
    """Make one Gibbs step, with jumps of hidden units between its two halves.

    Parameters
    ----------
    weights : DenseWeights or SparseWeights, or those of another backend
    fields : (N,) float32
    units : HiddenUnits
    inputs : (B, M) float32
        Hidden inputs of the chains; replaced.
    activity : (N, ceil(B / 64)) uint64, or what another backend keeps activity in
        Of the chains; replaced.
    examples : (K, M) float32
        Hidden inputs of recorded frames. The distribution does not depend on them; jumps are
        accepted more often the better the model describes these frames.
    key : uint64
    backend : Backend
        Backend of all these arrays.

    Returns
    -------
    switched : dict
        Share of the chains that accepted the jump of each unit that was proposed.
    """
    proposals = _Proposals.made(weights, units, examples, backend)
    return _jump(weights, fields, units, inputs, activity, proposals, key, backend)


def _jump(
    weights: Weights,
    fields: Array,
    units: HiddenUnits,
    inputs: Array,
    activity: Activity,
    proposals: _Proposals,
    key: np.uint64,
    backend: Backend,
) -> dict[int, float]:
    n_chains = len(inputs)
    generator = np.random.default_rng(int(key))
    keys = [stream(int(key), k) for k in range(3)]
    examples = proposals.examples
    blocks = proposals.blocks(generator)
    hidden = backend.by_unit(backend.sample(inputs, units, keys[0]))
    chosen = generator.integers(len(examples), size=inputs.shape)
    for block in blocks:
        chosen[:, block[1:]] = chosen[:, block[:1]]
    picked = np.take_along_axis(examples, backend.put(chosen), axis=0)
    proposed = backend.sample(picked, units, keys[1]).T.copy()
    before = hidden[:, :n_chains].copy()
    elsewhere = (before > 0) != (proposed > 0)
    asked = np.stack([elsewhere[backend.put(block)].any(axis=0) for block in blocks])
    fit = backend.log_overlap(before, proposals.inputs, proposals.cumulants, blocks, asked)
    fit -= backend.log_overlap(proposed, proposals.inputs, proposals.cumulants, blocks, asked)
    switched: dict[int, float] = {}
    left = _EFFORT * len(fields)
    for block, own_fit, own_asked in zip(blocks, fit, asked, strict=True):
        members = [proposals.members_of(unit) for unit in block.tolist()]
        left -= sum(len(own) for own in members) * min(proposals.switching[block].sum(), 1.0)
        if left < 0 and switched:
            break
        rows, odds = backend.put(block), backend.put(np.log(generator.random(n_chains)))
        chains = np.flatnonzero(own_asked)
        switched.update(dict.fromkeys(block.tolist(), 0.0))
        if len(chains) == 0:
            continue
        states, gain = backend.by_unit(hidden[:, chains].T.copy()), own_fit[chains]
        for unit, own in zip(block.tolist(), members, strict=True):
            values = proposed[unit, chains]
            step = values - states[unit, : len(chains)]
            gain = gain + weights.gains(fields, own, unit, states, step)
            states[unit, : len(chains)] = values
        goes = chains[odds[chains] < gain]
        hidden[rows[:, None], goes] = proposed[rows[:, None], goes]
        switched.update(dict.fromkeys(block.tolist(), len(goes) / n_chains))
    weights.draw_neurons(fields, hidden, inputs, activity, keys[2])
    return switched


def advance(
    weights: Weights,
    fields: Array,
    units: HiddenUnits,
    inputs: Array,
    activity: Activity,
    examples: Array | None,
    key: np.uint64,
    n_steps: int,
    backend: Backend = NUMBA,
    similarity: NDArray[np.float64] | None = None,
) -> None:
    """Advance chains in place by ``n_steps`` Gibbs steps, the first of ``_EVERY`` with jumps.

    Arguments are those of `jump`; without ``examples`` there are Gibbs steps alone. If the
    examples are few, give ``similarity``, the `absolute_correlations` of the units in more frames:
    a block without one of the units of an assembly cannot switch it.
    """
    if examples is None:
        weights.gibbs(fields, units, inputs, activity, key, n_steps)
        return
    if n_steps > 0:
        proposals = _Proposals.made(weights, units, examples, backend, similarity)
    for start in range(0, n_steps, _EVERY):
        own_key = stream(int(key), start)
        _jump(weights, fields, units, inputs, activity, proposals, own_key, backend)
        rest = min(n_steps - start, _EVERY) - 1
        weights.gibbs(fields, units, inputs, activity, stream(int(key), start + 1), rest)
