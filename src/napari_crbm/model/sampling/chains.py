"""Markov chains of a model: many in parallel, advanced by Gibbs steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.rbm import HasRBM
from napari_crbm.model.sampling.starts import starting_activity
from napari_crbm.spikes import Spikes

_ADVANCE = 1


class Chains:
    """``n_chains`` independent Gibbs chains of one model.

    Hold `kernel_threads` while advancing. The state after k calls depends on the seed and the
    steps asked for, but not on the number of threads.

    Parameters
    ----------
    model : RBM or CRBM
    n_chains : int
    start : Spikes, optional
        Frames to start from; independent neurons otherwise.
    random_state : int
    bits : (N, ceil(B / 64)) uint64, optional
        First states; replaces ``start``.
    """

    def __init__(
        self,
        model: HasRBM,
        n_chains: int,
        *,
        start: Spikes | None = None,
        random_state: int = 0,
        bits: NDArray[np.uint64] | None = None,
    ) -> None:
        self.rbm = model.rbm_
        self.n_chains = n_chains
        self.random_state = random_state
        self.calls = 0
        self.weights = efficient(self.rbm.weights)
        if bits is None:
            bits = starting_activity(self.rbm.fields, n_chains, start, random_state)
        self.bits = bits
        self.inputs = np.empty((n_chains, self.rbm.n_hidden), dtype=np.float32)
        self.weights.project_bits(self.bits, self.inputs)

    def advance(self, n_steps: int) -> None:
        """Run ``n_steps`` Gibbs steps (h given v, then v given h) on all chains."""
        key = stream(self.random_state, _ADVANCE, self.calls)
        rbm = self.rbm
        self.weights.gibbs(rbm.fields, rbm.hidden, self.inputs, self.bits, key, n_steps)
        self.calls += 1

    def state(self) -> NDArray[np.uint8]:
        """Return the current activity of all chains, (B, N) uint8."""
        return dense_from_bits(self.bits, self.n_chains)


def draw_after(
    model: HasRBM,
    n_samples: int,
    *,
    n_chains: int,
    burn_in: int,
    thin: int,
    start: Spikes | None = None,
    random_state: int = 0,
) -> Spikes:
    """Draw activity after a fixed number of Gibbs steps, whether or not chains have mixed.

    `draw` measures how many steps the chains need.

    Parameters
    ----------
    model : RBM or CRBM
    n_samples : int
        Frames to draw: the states of all chains, then again ``thin`` steps later.
    n_chains : int
        Independent chains side by side.
    burn_in, thin : int
        Gibbs steps before the first sample and between samples.
    start : Spikes, optional
        Recorded frames to start from; independent neurons otherwise.
    random_state : int

    Returns
    -------
    Spikes
        (n_samples, N).
    """
    rbm, n_chains = model.rbm_, min(n_chains, n_samples)
    chains = Chains(rbm, n_chains, start=start, random_state=random_state)
    sweeps = -(-n_samples // n_chains)

    def blocks() -> Iterator[NDArray[np.uint8]]:
        chains.advance(burn_in)
        for sweep in range(sweeps):
            if sweep:
                chains.advance(thin)
            yield chains.state()[: n_samples - sweep * n_chains]

    with kernel_threads(rbm.n_threads):
        return Spikes.from_chunks(blocks(), n_samples, rbm.n_neurons)
