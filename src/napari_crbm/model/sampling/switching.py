r"""Chains whose hidden units also switch: Gibbs steps with Metropolis moves between them.

Gibbs steps alone rarely switch a large assembly: its active neurons keep the hidden unit high, and
the unit keeps them active, often for thousands of steps. A switch proposes another value for one
hidden unit, and accepts or rejects it with the neurons marginalised, that is, on the distribution
of the hidden units alone:

.. math:: P(h) \propto e^{-\sum_\mu U_\mu(h_\mu)} \prod_i (1 + e^{g_i + \sum_\mu w_{i\mu} h_\mu})

The proposal does not depend on the present value. It is made from this distribution of each unit
with all other units at rest, made flatter by a square root, so that it offers the active state of
an assembly more often than the assembly is active. Rest is a fixed point of the model's means that
starts from silent neurons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from napari_crbm.model.compute.kernels.switches import switch
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.weights import efficient, in_vectors
from napari_crbm.model.rbm import RBM, HasRBM

_GIBBS, _HIDDEN, _NEURONS, _PROPOSE = 10, 11, 12, 13
#: A switch of every unit is proposed in one of so many Gibbs steps.
EVERY = 5
# Values at which the proposal is computed, over the range of the unit.
_GRID = 512
# Power of the distribution from which values are proposed.
_FLATTER = 0.5
# Iterations of the means at rest.
_TO_REST = 20
# The grid reaches this many standard deviations beyond the means at the extreme inputs.
_MARGIN = 6.0


class UnitWeights(NamedTuple):
    """Weights that are not zero, unit by unit, as switches need them.

    Neurons and weights of unit m are ``neurons[starts[m]:starts[m + 1]]`` and ``values`` there.
    """

    starts: NDArray[np.int64]
    neurons: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, weights: NDArray[np.float32]) -> UnitWeights:
        """Take them from the weights (N, M)."""
        columns = sparse.csc_array(weights)
        return cls(columns.indptr.astype(np.int64), columns.indices.astype(np.int64), columns.data)

    def switch(
        self,
        fields: NDArray[np.float32],
        hidden: NDArray[np.float32],
        proposed: NDArray[np.float32],
        least: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Propose values (M, B) for the hidden units ``hidden`` (M, B'), which change in place.

        Parameters
        ----------
        fields : (N,) float32
        hidden : (M, B') float32
            Padded to whole vectors, see `in_vectors`.
        proposed : (M, B) float32
        least : (M, B) float64
            A proposal is accepted if the change of the neurons' log-likelihood exceeds it.

        Returns
        -------
        (M, B) bool
            Which proposals were accepted.
        """
        n_chains = proposed.shape[1]
        offered, needed = hidden.copy(), np.full(hidden.shape, np.inf, dtype=np.float32)
        offered[:, :n_chains], needed[:, :n_chains] = proposed, least
        accepted = np.empty(hidden.shape, dtype=np.bool_)
        switch(*self, fields, hidden, offered, needed, accepted)
        return accepted[:, :n_chains]


class Proposals(NamedTuple):
    """Distributions (M, G) from which values of the units are proposed, constant within bins.

    ``low`` and ``width`` (M,) place the bins; ``log_density`` and ``cumulative`` are (M, G).
    """

    low: NDArray[np.float64]
    width: NDArray[np.float64]
    log_density: NDArray[np.float64]
    cumulative: NDArray[np.float64]

    def draw(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform uniform numbers (M, B) into proposed values."""
        values = np.empty_like(uniform)
        for m, row in enumerate(uniform):
            place = np.searchsorted(self.cumulative[m], row, side="right")
            place = np.minimum(place, self.cumulative.shape[1] - 1)
            before = np.where(place > 0, self.cumulative[m, place - 1], 0.0)
            inside = (row - before) / np.maximum(self.cumulative[m, place] - before, 1e-300)
            values[m] = self.low[m] + self.width[m] * (place + np.clip(inside, 0, 1))
        return values

    def log_of(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the log density of values (M, B); minus infinity outside the bins."""
        place = np.floor((values - self.low[:, None]) / self.width[:, None]).astype(np.int64)
        inside = (place >= 0) & (place < self.log_density.shape[1])
        place = np.clip(place, 0, self.log_density.shape[1] - 1)
        found = np.take_along_axis(self.log_density, place, axis=1)
        return np.where(inside, found, -np.inf)


def proposals(rbm: RBM) -> Proposals:
    """Compute the distributions from which values of each hidden unit are proposed."""
    rest, drive = _at_rest(rbm)
    weights = rbm.weights
    extremes = np.stack([np.minimum(weights, 0).sum(axis=0), np.maximum(weights, 0).sum(axis=0)])
    moments = rbm.hidden.moments(extremes.astype(np.float32))
    margin = _MARGIN * np.sqrt(np.asarray(moments.variance))
    low = (np.asarray(moments.mean) - margin).min(axis=0)
    width = ((np.asarray(moments.mean) + margin).max(axis=0) - low) / _GRID
    centres = low + width * (np.arange(_GRID) + 0.5)[:, None]
    log_density = -np.asarray(rbm.hidden.potential(centres))
    for m in range(rbm.n_hidden):
        own = np.flatnonzero(weights[:, m])
        others = drive[own] - weights[own, m] * rest[m]
        for start in range(0, len(own), 256):
            part = slice(start, start + 256)
            inputs = others[part, None] + weights[own[part], m, None] * centres[:, m]
            log_density[:, m] += np.logaddexp(0, inputs).sum(axis=0)
    flat = _FLATTER * (log_density - log_density.max(axis=0))
    share = np.exp(flat)
    share /= share.sum(axis=0)
    # Bins that are too unlikely to be drawn have no density.
    with np.errstate(divide="ignore"):
        logs = np.log(share) - np.log(width)
    return Proposals(low, width, logs.T.copy(), np.cumsum(share, axis=0).T.copy())


def _at_rest(rbm: RBM) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute mean hidden values (M,) and drives (N,) of the state nearest to silence."""
    hidden = np.asarray(rbm.hidden.mean(np.zeros((1, rbm.n_hidden), dtype=np.float32)))[0]
    for _ in range(_TO_REST):
        drive = rbm.fields + rbm.weights @ hidden
        inputs = (rbm.weights.T @ expit(drive)).astype(np.float32)
        hidden = np.asarray(rbm.hidden.mean(inputs[None]))[0]
    return hidden.astype(np.float64), (rbm.fields + rbm.weights @ hidden).astype(np.float64)


class SwitchingChains:
    """Gibbs chains of one model whose hidden units also switch; hold `kernel_threads`.

    Their distribution is that of the model, as that of `Chains` is, but they reach it sooner. The
    state after k calls depends on the seed and the steps asked for, but not on the number of
    threads.

    Parameters
    ----------
    model : RBM or CRBM
    n_chains : int
    bits : (N, ceil(B / 64)) uint64
        First states; changed in place.
    random_state : int

    Attributes
    ----------
    accepted : (M,) float64
        Share of the chains in which the latest proposal for each unit was accepted.
    """

    def __init__(
        self, model: HasRBM, n_chains: int, bits: NDArray[np.uint64], random_state: int = 0
    ) -> None:
        self.rbm = rbm = model.rbm_
        self.n_chains, self.random_state, self.steps = n_chains, random_state, 0
        self.bits = bits
        self._form = efficient(rbm.weights)
        self.inputs = np.empty((n_chains, rbm.n_hidden), dtype=np.float32)
        self._form.project_bits(bits, self.inputs)
        self._proposals = proposals(rbm)
        self._by_unit = UnitWeights.of(rbm.weights)
        self.accepted = np.full(rbm.n_hidden, np.nan)

    def advance(self, n_steps: int) -> None:
        """Run Gibbs steps on all chains; in one of `EVERY`, all hidden units may switch."""
        done = 0
        while done < n_steps:
            since = self.steps % EVERY
            if since == 0:
                self._switch()
                part = 1
            else:
                part = min(EVERY - since, n_steps - done)
                key = stream(self.random_state, _GIBBS, self.steps)
                rbm = self.rbm
                self._form.gibbs(rbm.fields, rbm.hidden, self.inputs, self.bits, key, part)
            self.steps += part
            done += part

    def _switch(self) -> None:
        """Make one Gibbs step, with switches between its two halves."""
        rbm, ahead = self.rbm, self._proposals
        key = stream(self.random_state, _HIDDEN, self.steps)
        hidden = in_vectors(rbm.hidden.sample(self.inputs, key))
        generator = np.random.default_rng([self.random_state, _PROPOSE, self.steps])
        shape = (rbm.n_hidden, self.n_chains)
        now = hidden[:, : self.n_chains].astype(np.float64)
        new = ahead.draw(generator.random(shape)).astype(np.float32)
        least = np.log(generator.random(shape)) + self._log_excess(now)
        least -= self._log_excess(new.astype(np.float64))
        self.accepted = self._by_unit.switch(rbm.fields, hidden, new, least).mean(axis=1)
        key = stream(self.random_state, _NEURONS, self.steps)
        self._form.draw_neurons(rbm.fields, hidden, self.inputs, self.bits, key)

    def _log_excess(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute -U(h) - log q(h) of values (M, B); infinite where q is zero."""
        potential = np.asarray(self.rbm.hidden.potential(values.T)).T
        return np.asarray(-potential - self._proposals.log_of(values))
