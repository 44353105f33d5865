r"""Jumps of hidden units, so that chains do not stay with one assembly on or off.

Gibbs steps alone switch a large assembly once in a very long while: its neurons keep
their hidden unit up, which keeps them active. A jump proposes other values for a few
units and asks all neurons at once, summed over their states (a Metropolis-Hastings move
on the marginal distribution of the hidden units):

.. math:: P(h) \propto e^{-\sum_\mu U_\mu(h_\mu)} \prod_i (1 + e^{g_i + \sum_\mu w_{i\mu} h_\mu})

The proposal is what these units do together in a randomly chosen recorded frame,
:math:`q(h) = \frac1K \sum_k \prod_\mu e^{-U_\mu(h_\mu) + I_{k\mu} h_\mu -
\Gamma_\mu(I_{k\mu})}`, so that potentials cancel from the acceptance ratio and nothing
needs tuning.

A large assembly shares neurons with many small ones, and several units may stand for it
together. One of these units alone is then never allowed to switch; it has to take along
all that are correlated with it in the recording. So units jump alone or in blocks, drawn
anew every time without a look at the chains: every second time units whose inputs vary
most come first, and take along the most. Only jumps that take a unit to the other side of
zero are tried, since Gibbs steps see to the rest; that is as right (the way back is one of
them) and asks few of the chains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Activity, Array, Core, Weights
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.units.protocol import HiddenUnits

# A round of jumps asks so many neurons in all chains, in units of all there are: about the
# work of as many Gibbs steps.
_EFFORT = 3.0
# Units in a block, each as often: in any order, and when the largest come first.
_SIZES, _SIZES_OF_LARGEST = (1, 1, 2, 4, 8), (8, 16)
# Units in a block must be correlated by so much in recorded frames.
_ALIKE = 0.2
# Gibbs steps from one round of jumps to the next.
_EVERY = 2


class _Proposals(NamedTuple):
    """What does not change from one round of jumps to the next.

    ``examples`` (K, M) are the hidden inputs of recorded frames, ``inputs`` and
    ``cumulants`` (M, K) the same and their cumulants by unit, ``alike`` (M, M) absolute
    correlations of the units, ``largest_first`` (M,) units by how much their inputs vary,
    ``switching`` (M,) shares of chains asked to switch if they are like the examples.
    """

    examples: Array
    inputs: Array
    cumulants: Array
    alike: NDArray[np.float64]
    largest_first: NDArray[np.int64]
    switching: NDArray[np.float64]
    members_of: Callable[[int], Array]

    @classmethod
    def made(
        cls,
        weights: Weights,
        units: HiddenUnits,
        examples: Array,
        core: Core,
        alike: NDArray[np.float64] | None = None,
    ) -> _Proposals:
        n_hidden = units.n_hidden
        if examples.ndim != 2 or len(examples) == 0 or examples.shape[1] != n_hidden:
            raise ModelError(
                f"Hidden inputs of frames must have shape (frames, {n_hidden}); found shape "
                f"{examples.shape}."
            )
        means = core.get(core.mean(examples, units))
        on = (means > 0).mean(axis=0)
        return cls(
            examples,
            examples.T.copy(),
            core.cumulant(examples, units).T.copy(),
            likeness(means) if alike is None else alike,
            np.argsort(-core.get(examples).std(axis=0), kind="stable"),
            2 * on * (1 - on),
            weights.members(),
        )

    def blocks(self, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """All units in random disjoint blocks of units that are alike."""
        n_hidden = len(self.alike)
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
            partners = np.flatnonzero(free & (self.alike[leader] > _ALIKE))
            nearest = np.argsort(-self.alike[leader, partners], kind="stable")[: size - 1]
            free[partners[nearest]] = False
            blocks.append(np.concatenate([[leader], partners[nearest]]))
        return blocks


def likeness(means: NDArray[np.float32]) -> NDArray[np.float64]:
    """Absolute correlations (M, M) of hidden units from their means in frames, (K, M)."""
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
    core: Core = NUMBA,
) -> dict[int, float]:
    """One Gibbs step with jumps of some hidden units between its two halves.

    Parameters
    ----------
    weights : DenseWeights or SparseWeights, or those of another core
    fields : (N,) float32
    units : HiddenUnits
    inputs : (B, M) float32
        Hidden inputs of the chains; replaced.
    activity : (N, ceil(B / 64)) uint64, or what another core keeps activity in
        Of the chains; replaced.
    examples : (K, M) float32
        Hidden inputs of recorded frames. Any will do; jumps are accepted more often
        the better these frames are described by the model.
    key : uint64
    core : Core
        What all these arrays belong to.

    Returns
    -------
    switched : dict
        Share of the chains whose block jumped, for each unit that was asked.
    """
    proposals = _Proposals.made(weights, units, examples, core)
    return _jump(weights, fields, units, inputs, activity, proposals, key, core)


def _jump(
    weights: Weights,
    fields: Array,
    units: HiddenUnits,
    inputs: Array,
    activity: Activity,
    proposals: _Proposals,
    key: np.uint64,
    core: Core,
) -> dict[int, float]:
    n_chains = len(inputs)
    generator = np.random.default_rng(int(key))
    keys = [stream(int(key), k) for k in range(3)]
    examples = proposals.examples
    blocks = proposals.blocks(generator)
    hidden = core.by_unit(core.sample(inputs, units, keys[0]))
    chosen = generator.integers(len(examples), size=inputs.shape)
    for block in blocks:
        chosen[:, block[1:]] = chosen[:, block[:1]]
    picked = np.take_along_axis(examples, core.put(chosen), axis=0)
    proposed = core.sample(picked, units, keys[1]).T.copy()
    before = hidden[:, :n_chains].copy()
    elsewhere = (before > 0) != (proposed > 0)
    asked = np.stack([elsewhere[core.put(block)].any(axis=0) for block in blocks])
    fit = core.log_overlap(before, proposals.inputs, proposals.cumulants, blocks, asked)
    fit -= core.log_overlap(proposed, proposals.inputs, proposals.cumulants, blocks, asked)
    switched: dict[int, float] = {}
    left = _EFFORT * len(fields)
    for block, own_fit, own_asked in zip(blocks, fit, asked, strict=True):
        members = [proposals.members_of(unit) for unit in block.tolist()]
        left -= sum(len(own) for own in members) * min(proposals.switching[block].sum(), 1.0)
        if left < 0 and switched:
            break
        rows, odds = core.put(block), core.put(np.log(generator.random(n_chains)))
        chains = np.flatnonzero(own_asked)
        switched.update(dict.fromkeys(block.tolist(), 0.0))
        if len(chains) == 0:
            continue
        states, gain = core.by_unit(hidden[:, chains].T.copy()), own_fit[chains]
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
    core: Core = NUMBA,
    alike: NDArray[np.float64] | None = None,
) -> None:
    """Advance chains in place by ``n_steps`` Gibbs steps, the first of ``_EVERY`` with jumps.

    Arguments as in `jump`; without ``examples`` there are Gibbs steps alone. Where the
    examples are few, ``alike`` is the `likeness` of the units in more frames: a block without
    one of the units that stand for an assembly cannot switch it.
    """
    if examples is None:
        weights.gibbs(fields, units, inputs, activity, key, n_steps)
        return
    if n_steps > 0:
        proposals = _Proposals.made(weights, units, examples, core, alike)
    for start in range(0, n_steps, _EVERY):
        own_key = stream(int(key), start)
        _jump(weights, fields, units, inputs, activity, proposals, own_key, core)
        rest = min(n_steps - start, _EVERY) - 1
        weights.gibbs(fields, units, inputs, activity, stream(int(key), start + 1), rest)
