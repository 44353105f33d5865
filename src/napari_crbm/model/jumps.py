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
from numpy.typing import NDArray

from napari_crbm.model import drelu
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.kernels.jumps import log_overlap
from napari_crbm.model.randomness import stream
from napari_crbm.model.weights import DenseWeights, SparseWeights, in_vectors

# A round of jumps asks this many neurons, in units of all there are: about the work of as
# many Gibbs steps.
_EFFORT = 4.0
# Gibbs steps from one round of jumps to the next.
_EVERY = 5


def jump(
    weights: DenseWeights | SparseWeights,
    fields: NDArray[np.float32],
    units: DReLU,
    inputs: NDArray[np.float32],
    bits: NDArray[np.uint64],
    examples: NDArray[np.float32],
    key: np.uint64,
) -> NDArray[np.float64]:
    """One Gibbs step with jumps of some hidden units between its two halves.

    Parameters
    ----------
    weights : DenseWeights or SparseWeights
    fields : (N,) float32
    units : DReLU
    inputs : (B, M) float32
        Hidden inputs of the chains; replaced.
    bits : (N, ceil(B / 64)) uint64
        Activity of the chains; replaced.
    examples : (K, M) float32
        Hidden inputs of recorded frames. Any will do; jumps are accepted more often
        the better these frames are described by the model.
    key : uint64

    Returns
    -------
    accepted : (M,)
        Share of the chains that jumped; not a number for units that were not asked.
    """
    n_chains, n_hidden = inputs.shape
    generator = np.random.default_rng(int(key))
    keys = [stream(int(key), k) for k in range(3)]
    hidden = in_vectors(drelu.sample(inputs, units, keys[0]))
    chosen = generator.integers(len(examples), size=inputs.shape)
    proposed = drelu.sample(np.take_along_axis(examples, chosen, axis=0), units, keys[1])
    cumulants = drelu.cumulant(examples, units)
    accepted = np.full(n_hidden, np.nan)
    left = _EFFORT * len(fields)
    for unit in generator.permutation(n_hidden):
        members = weights.members(unit)
        left -= len(members)
        if left < 0 and not np.isnan(accepted).all():
            break
        old, new = hidden[unit, :n_chains], np.ascontiguousarray(proposed[:, unit])
        frames = np.ascontiguousarray(examples[:, unit]), np.ascontiguousarray(cumulants[:, unit])
        fit = np.empty((2, n_chains))
        log_overlap(old, *frames, fit[0])
        log_overlap(new, *frames, fit[1])
        gain = weights.gains(fields, members, int(unit), hidden, new - old)
        goes = np.log(generator.random(n_chains)) < gain + fit[0] - fit[1]
        hidden[unit, :n_chains] = np.where(goes, new, old)
        accepted[unit] = goes.mean()
    weights.draw_neurons(fields, hidden, inputs, bits, keys[2])
    return accepted


def advance(
    weights: DenseWeights | SparseWeights,
    fields: NDArray[np.float32],
    units: DReLU,
    inputs: NDArray[np.float32],
    bits: NDArray[np.uint64],
    examples: NDArray[np.float32] | None,
    key: np.uint64,
    n_steps: int,
) -> None:
    """Advance chains in place by ``n_steps`` Gibbs steps, the first of ``_EVERY`` with jumps.

    Arguments as in `jump`; without ``examples`` there are Gibbs steps alone.
    """
    if examples is None:
        weights.gibbs(fields, units, inputs, bits, key, n_steps)
        return
    for start in range(0, n_steps, _EVERY):
        jump(weights, fields, units, inputs, bits, examples, stream(int(key), start))
        rest = min(n_steps - start, _EVERY) - 1
        weights.gibbs(fields, units, inputs, bits, stream(int(key), start + 1), rest)
