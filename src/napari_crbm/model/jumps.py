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

A large assembly shares neurons with many small ones, whose units go up with it. One unit
alone is then never allowed to switch; it has to take along those that are correlated with
it in the recording. So units jump alone or in blocks of up to six, drawn anew every time
without a look at the chains. Only jumps that take a unit to the other side of zero are
tried, since Gibbs steps see to the rest; that is as right (the way back is one of them) and
asks few of the chains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.cores.numba_core import NUMBA
from napari_crbm.model.cores.protocol import Activity, Array, Core, Weights
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.randomness import stream

# A round of jumps asks so many neurons in all chains, in units of all there are: about the
# work of as many Gibbs steps.
_EFFORT = 1.5
# Units in a block, each as often; partners must be correlated by so much in the examples.
_SIZES = (1, 1, 2, 4, 6)
_ALIKE = 0.2
# Gibbs steps from one round of jumps to the next.
_EVERY = 2


def jump(
    weights: Weights,
    fields: Array,
    units: DReLU,
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
    units : DReLU
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
    n_chains, n_hidden = inputs.shape
    if examples.ndim != 2 or len(examples) == 0 or examples.shape[1] != n_hidden:
        raise ModelError(
            f"Hidden inputs of frames must have shape (frames, {n_hidden}); found shape "
            f"{examples.shape}."
        )
    generator = np.random.default_rng(int(key))
    keys = [stream(int(key), k) for k in range(3)]
    means = core.get(core.mean(examples, units))
    blocks = _blocks(means, generator)
    # How often a unit is asked to switch, if chains are like the examples.
    on = (means > 0).mean(axis=0)
    switching = 2 * on * (1 - on)
    hidden = core.by_unit(core.sample(inputs, units, keys[0]))
    chosen = generator.integers(len(examples), size=inputs.shape)
    for block in blocks:
        chosen[:, block[1:]] = chosen[:, block[:1]]
    picked = np.take_along_axis(examples, core.put(chosen), axis=0)
    proposed = core.sample(picked, units, keys[1]).T.copy()
    frames, cumulants = examples.T.copy(), core.cumulant(examples, units).T.copy()
    before = hidden[:, :n_chains].copy()
    elsewhere = (before > 0) != (proposed > 0)
    asked = np.stack([elsewhere[core.put(block)].any(axis=0) for block in blocks])
    fit = core.log_overlap(before, frames, cumulants, blocks, asked)
    fit -= core.log_overlap(proposed, frames, cumulants, blocks, asked)
    members_of = weights.members()
    switched: dict[int, float] = {}
    left = _EFFORT * len(fields)
    for block, own_fit, own_asked in zip(blocks, fit, asked, strict=True):
        members = [members_of(unit) for unit in block.tolist()]
        left -= sum(len(own) for own in members) * min(switching[block].sum(), 1.0)
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


def _blocks(means: NDArray[np.float32], generator: np.random.Generator) -> list[NDArray[np.int64]]:
    """All units in random disjoint blocks; ``means`` (K, M) of the examples tell who is alike."""
    spread = means.std(axis=0, dtype=np.float64)
    standard = (means - means.mean(axis=0)) / np.where(spread > 0, spread, 1)
    alike = np.abs(standard.T @ standard) / len(means)
    free = np.ones(len(alike), dtype=bool)
    blocks = []
    sizes = generator.choice(_SIZES, len(alike))
    for leader, size in zip(generator.permutation(len(alike)), sizes, strict=True):
        if not free[leader]:
            continue
        free[leader] = False
        partners = np.flatnonzero(free & (alike[leader] > _ALIKE))
        nearest = partners[np.argsort(-alike[leader, partners], kind="stable")[: size - 1]]
        free[nearest] = False
        blocks.append(np.concatenate([[leader], nearest]))
    return blocks


def advance(
    weights: Weights,
    fields: Array,
    units: DReLU,
    inputs: Array,
    activity: Activity,
    examples: Array | None,
    key: np.uint64,
    n_steps: int,
    core: Core = NUMBA,
) -> None:
    """Advance chains in place by ``n_steps`` Gibbs steps, the first of ``_EVERY`` with jumps.

    Arguments as in `jump`; without ``examples`` there are Gibbs steps alone.
    """
    if examples is None:
        weights.gibbs(fields, units, inputs, activity, key, n_steps)
        return
    for start in range(0, n_steps, _EVERY):
        jump(weights, fields, units, inputs, activity, examples, stream(int(key), start), core)
        rest = min(n_steps - start, _EVERY) - 1
        weights.gibbs(fields, units, inputs, activity, stream(int(key), start + 1), rest)
