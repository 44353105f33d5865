r"""Effective couplings between neurons: the effect of one neuron on the log-odds of another.

The coupling of neurons i and j in a frame v is a second difference of log P (paper
Eq. 15): the change in the log-odds of v_i when v_j goes from 0 to 1, all others unchanged.
With the hidden inputs I without i and j it is

.. math:: J_{ij}(v) = \sum_\mu [\Gamma_\mu(I + w_i + w_j) - \Gamma_\mu(I + w_i)
          - \Gamma_\mu(I + w_j) + \Gamma_\mu(I)]

and is averaged over the recorded frames (Eq. 16). To second order in the weights it is
:math:`J_{ij} \approx \sum_\mu w_{i\mu} w_{j\mu} \langle \mathrm{Var}(h_\mu | v) \rangle`
(Eq. 17), the Gram matrix of N vectors of length M. Rows are computed when needed; the N x N
matrix is never stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

_FRAMES_AT_ONCE = 512


def hidden_response(model: CRBM, spikes: Spikes) -> NDArray[np.float64]:
    """Compute the mean of Var(h | v) over the frames, (M,), the response of each hidden unit.

    Var(h | v) is the second derivative of the cumulant function, so it is also the
    derivative of the expected hidden activity with respect to the unit's input.
    """
    inputs = model.inputs_h_from_v(spikes)
    total = np.zeros(model.n_assemblies)
    with kernel_threads(model.n_threads):
        for start in range(0, len(inputs), _FRAMES_AT_ONCE):
            block = inputs[start : start + _FRAMES_AT_ONCE]
            total += model.hidden_.moments(block).variance.sum(axis=0)
    return total / len(inputs)


def coupling_factors(
    weights: NDArray[np.floating], response: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Compute X (N, M) float32 with ``J = X X^T`` off the diagonal (Eq. 17).

    Parameters
    ----------
    weights : (N, M) float array
    response : (M,) float array
        See `hidden_response`.
    """
    return np.asarray(weights * np.sqrt(response), dtype=np.float32)


def effective_couplings(
    factors: NDArray[np.float32], neurons: int | Sequence[int] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Compute the couplings of one or more neurons with all others.

    Parameters
    ----------
    factors : (N, M) float32
        See `coupling_factors`.
    neurons : int or sequence of int

    Returns
    -------
    (N,) or (n, N) float32
        Change in log-odds (nats); zero for a neuron with itself.

    Raises
    ------
    ModelError
        If there is no such neuron.
    """
    chosen = _checked(neurons, len(factors))
    couplings = factors[chosen] @ factors.T
    couplings[np.arange(len(chosen)), chosen] = 0.0
    return np.asarray(couplings[0] if np.ndim(neurons) == 0 else couplings)


def group_couplings(
    factors: NDArray[np.float32], neurons: Sequence[int] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Compute the mean coupling of each neuron with a group, (N,), such as a region.

    Parameters
    ----------
    factors : (N, M) float32
        See `coupling_factors`.
    neurons : sequence of int
        The group; a neuron in it is not coupled with itself.

    Raises
    ------
    ModelError
        If there is no such neuron, or the group is empty.
    """
    chosen = np.unique(_checked(neurons, len(factors)))
    if not len(chosen):
        raise ModelError("The group has no neurons: choose some first.")
    total = factors @ factors[chosen].sum(axis=0, dtype=np.float64)
    total[chosen] -= np.square(factors[chosen], dtype=np.float64).sum(axis=1)
    others = np.full(len(factors), len(chosen))
    others[chosen] -= 1
    return np.asarray(total / np.maximum(others, 1), dtype=np.float32)


def perturbed_couplings(
    model: CRBM,
    spikes: Spikes,
    neuron: int,
    targets: Sequence[int] | NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Compute the couplings of one neuron by definition, averaged over frames (Eqs. 15, 16).

    Evaluates four cumulant functions per frame, target and shared unit. Use it for single
    neurons or to check `effective_couplings`, not for whole matrices; with fewer frames it is
    faster.

    Parameters
    ----------
    model : CRBM
    spikes : Spikes
        Frames to average over.
    neuron : int
    targets : sequence of int, optional
        All neurons by default.

    Returns
    -------
    (n,) float64
        Nats; zero for the neuron itself and for those that share no unit with it.
    """
    (source,) = _checked(neuron, model.n_neurons)
    chosen = np.arange(model.n_neurons) if targets is None else _checked(targets, model.n_neurons)
    units = np.flatnonzero(model.weights_[source])
    result = np.zeros(len(chosen))
    if not len(units):
        return result
    hidden = model.hidden_.select(units)
    weights = model.weights_[:, units].astype(np.float64)
    own = weights[source]
    inputs = model.inputs_h_from_v(spikes)[:, units].astype(np.float64)
    inputs -= spikes.trace(int(source))[:, None] * own
    reached = np.flatnonzero((weights[chosen] != 0).any(axis=1) & (chosen != source))
    with kernel_threads(model.n_threads):
        for place in reached:
            target = int(chosen[place])
            shared = weights[target] != 0
            a, b = own[shared], weights[target, shared]
            others = inputs[:, shared] - spikes.trace(target)[:, None] * b
            cumulant = hidden.select(shared).cumulant
            change = (
                cumulant(others + a + b)
                - cumulant(others + a)
                - cumulant(others + b)
                + cumulant(others)
            )
            result[place] = change.sum(axis=1).mean()
    return result


def _checked(
    neurons: int | Sequence[int] | NDArray[np.integer], n_neurons: int
) -> NDArray[np.int64]:
    chosen = np.atleast_1d(np.asarray(neurons, dtype=np.int64))
    wrong = chosen[(chosen < 0) | (chosen >= n_neurons)]
    if len(wrong):
        raise ModelError(
            f"There is no neuron {wrong[0]}: the model's neurons are 0 to {n_neurons - 1}."
        )
    return chosen
