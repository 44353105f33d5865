r"""Jumps of single hidden units, so that chains do not stay with one assembly on or off.

Gibbs steps alone switch a large assembly once in a very long while: its neurons keep
their hidden unit up, which keeps them active. A jump proposes another value for one
unit and asks all neurons at once, summed over their states (a Metropolis-Hastings move
on the marginal distribution of the hidden units):

.. math:: P(h) \propto e^{-\sum_\mu U_\mu(h_\mu)} \prod_i (1 + e^{g_i + \sum_\mu w_{i\mu} h_\mu})

The proposal is what the unit does in a randomly chosen recorded frame,
:math:`q(h) = \frac1K \sum_k e^{-U(h) + I_k h - \Gamma(I_k)}`, so that potentials cancel
from the acceptance ratio and nothing needs tuning.
"""

from __future__ import annotations

import numpy as np

from napari_crbm.errors import ModelError
from napari_crbm.model.cores.numba_core import NUMBA
from napari_crbm.model.cores.protocol import Activity, Array, Core, Weights
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.randomness import stream

# A round of jumps asks this many neurons, in units of all there are: about the work of as
# many Gibbs steps.
_EFFORT = 4.0
# Gibbs steps from one round of jumps to the next.
_EVERY = 5


def jump(
    weights: Weights,
    fields: Array,
    units: DReLU,
    inputs: Array,
    activity: Activity,
    examples: Array,
    key: np.uint64,
    core: Core = NUMBA,
) -> dict[int, Array]:
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
    accepted : dict
        Share of the chains that jumped, for each unit that was asked.
    """
    n_chains, n_hidden = inputs.shape
    if examples.ndim != 2 or len(examples) == 0 or examples.shape[1] != n_hidden:
        raise ModelError(
            f"Hidden inputs of frames must have shape (frames, {n_hidden}); found shape "
            f"{examples.shape}."
        )
    generator = np.random.default_rng(int(key))
    keys = [stream(int(key), k) for k in range(3)]
    hidden = core.by_unit(core.sample(inputs, units, keys[0]))
    chosen = core.put(generator.integers(len(examples), size=inputs.shape))
    picked = np.take_along_axis(examples, chosen, axis=0)
    proposed = core.sample(picked, units, keys[1]).T.copy()
    frames, cumulants = examples.T.copy(), core.cumulant(examples, units).T.copy()
    fit = core.log_overlap(hidden[:, :n_chains].copy(), frames, cumulants)
    fit -= core.log_overlap(proposed, frames, cumulants)
    members_of = weights.members()
    accepted: dict[int, Array] = {}
    left = _EFFORT * len(fields)
    for unit in generator.permutation(n_hidden).tolist():
        members = members_of(unit)
        left -= len(members)
        if left < 0 and accepted:
            break
        old, new = hidden[unit, :n_chains], proposed[unit]
        gain = weights.gains(fields, members, unit, hidden, new - old)
        goes = core.put(np.log(generator.random(n_chains))) < gain + fit[unit]
        hidden[unit, :n_chains] = np.where(goes, new, old)
        accepted[unit] = goes.mean()
    weights.draw_neurons(fields, hidden, inputs, activity, keys[2])
    return accepted


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
