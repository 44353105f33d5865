r"""Replica exchange: chains at several temperatures that exchange their states.

At inverse temperature beta states follow :math:`P_\beta(v, h) \propto e^{-\beta E(v, h)}`.
Chains at low beta move between modes in which a chain at beta = 1 would stay; exchanges between
neighbouring temperatures (Swendsen & Wang 1986) pass these states on to beta = 1. The whole energy
is scaled, including the potentials of the hidden units: with scaled weights alone assemblies would
lose their active state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.weights import DenseWeights, efficient
from napari_crbm.model.rbm import HasRBM
from napari_crbm.model.sampling.starts import starting_activity
from napari_crbm.spikes import Spikes

#: Inverse temperature of the hottest chains.
HOTTEST = 0.2
_EXCHANGE, _SWAP = 8, 9


class ReplicaExchange:
    """Chains at several temperatures; hold `kernel_threads` while advancing.

    Parameters
    ----------
    model : RBM or CRBM
    n_chains : int
        Chains at every temperature; those at beta = 1 are the samples.
    betas : int or sequence of float
        Inverse temperatures, or their number from `HOTTEST` to 1.
    start : Spikes, optional
        Frames to start from; independent neurons otherwise.
    random_state : int

    Raises
    ------
    ModelError
        Unless there are two or more positive inverse temperatures that ascend to 1.
    """

    def __init__(
        self,
        model: HasRBM,
        n_chains: int,
        betas: int | Sequence[float],
        *,
        start: Spikes | None = None,
        random_state: int = 0,
    ) -> None:
        rbm = model.rbm_
        given = np.linspace(HOTTEST, 1, betas) if isinstance(betas, int) else np.asarray(betas)
        if len(given) < 2 or given[0] <= 0 or (np.diff(given) <= 0).any() or given[-1] != 1:
            raise ModelError(
                "Two or more inverse temperatures must be positive and ascend to 1; found "
                f"{np.round(given, 3).tolist()}."
            )
        self.betas = given.astype(np.float64)
        self.n_chains, self.random_state = n_chains, random_state
        self.calls = 0
        #: Share of accepted exchanges between neighbours, at the latest attempt.
        self.accepted = np.full(len(given) - 1, np.nan)
        self._form = efficient(rbm.weights)
        self._fields = rbm.fields
        self._one_column = DenseWeights(np.ascontiguousarray(rbm.fields[:, None]))
        self._units = [rbm.hidden.tempered(beta) for beta in self.betas]
        shape = (n_chains, rbm.n_hidden)
        self._inputs = [np.empty(shape, dtype=np.float32) for _ in self.betas]
        self._bits = [
            starting_activity(np.float32(beta) * rbm.fields, n_chains, start, random_state + k)
            for k, beta in enumerate(self.betas)
        ]
        for bits, inputs in zip(self._bits, self._inputs, strict=True):
            self._form.project_bits(bits, inputs)

    @property
    def bits(self) -> NDArray[np.uint64]:
        """Activity of the chains at beta = 1, (N, words)."""
        return self._bits[-1]

    @property
    def inputs(self) -> NDArray[np.float32]:
        """Hidden inputs of the chains at beta = 1, (B, M)."""
        return self._inputs[-1]

    def advance(self, n_steps: int) -> None:
        """Run Gibbs steps on all chains, each followed by exchanges between neighbours."""
        for _ in range(n_steps):
            for k, beta in enumerate(self.betas.astype(np.float32)):
                key = stream(self.random_state, _EXCHANGE, self.calls, k)
                inputs, bits = beta * self._inputs[k], self._bits[k]
                form = self._form._replace(values=beta * self._form.values)
                form.gibbs(beta * self._fields, self._units[k], inputs, bits, key, 1)
                self._form.project_bits(bits, self._inputs[k])
            self._exchange()
            self.calls += 1

    def _log_probability(self, k: int, of: int) -> NDArray[np.float64]:
        """Compute log P of the states at temperature ``of`` under ``k``, unnormalised, (B,)."""
        field_term = np.empty((self.n_chains, 1), dtype=np.float32)
        self._one_column.project_bits(self._bits[of], field_term)
        inputs = np.float32(self.betas[k]) * self._inputs[of]
        return np.asarray(
            self.betas[k] * field_term[:, 0].astype(np.float64)
            + self._units[k].cumulant(inputs).sum(axis=1)
        )

    def _exchange(self) -> None:
        generator = np.random.default_rng([self.random_state, _SWAP, self.calls])
        # Even and odd pairs alternate, so that a state can pass all temperatures.
        for low in range(self.calls % 2, len(self.betas) - 1, 2):
            high = low + 1
            gain = (
                self._log_probability(low, of=high)
                + self._log_probability(high, of=low)
                - self._log_probability(low, of=low)
                - self._log_probability(high, of=high)
            )
            goes = np.log(generator.random(self.n_chains)) < gain
            self.accepted[low] = goes.mean()
            self._swap(low, high, goes)

    def _swap(self, low: int, high: int, goes: NDArray[np.bool_]) -> None:
        flags = np.zeros(64 * self._bits[low].shape[1], dtype=np.uint8)
        flags[: self.n_chains] = goes
        mask = np.packbits(flags, bitorder="little").view("<u8").astype(np.uint64)
        changed = (self._bits[low] ^ self._bits[high]) & mask
        self._bits[low] ^= changed
        self._bits[high] ^= changed
        first, second = self._inputs[low], self._inputs[high]
        first[goes], second[goes] = second[goes], first[goes].copy()
