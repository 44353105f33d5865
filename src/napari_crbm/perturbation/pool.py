"""States drawn from a model once, from which many questions are answered.

Chains of trained models often stay for thousands of steps where they started. All chains therefore
start from recorded frames, many chains give few states each, and `Pool.memory` says how much they
still remember of their start: what they have not forgotten is as in the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.sampling.draw import integrated_autocorrelation
from napari_crbm.perturbation.perturbations import Perturbation
from napari_crbm.perturbation.recorded import Recorded
from napari_crbm.spikes import Spikes

#: States of a pool, and the chains that they are drawn from.
N_STATES, N_CHAINS = 9000, 3000
#: States and chains for one question, where the pool falls short.
CLAMPED_STATES, CLAMPED_CHAINS = 2000, 500
#: Gibbs steps before the first state and between two states of a chain.
BURN_IN, THIN = 200, 50
#: Clamped chains start from the frames in which the event was recorded, or, if these are fewer,
#: from so many frames that come closest to it.
CLOSEST_FRAMES = 100
# Search of the push that brings a group to its level: rounds, Gibbs steps of each, largest change.
_ROUNDS, _STEPS, _LARGEST_CHANGE = 60, 4, 1.0
# The search aims at the level plus so many standard deviations of the number of active neurons.
_ABOVE = 0.5
# Steps between two reports, and chains unpacked together.
_REPORTED, _CHAINS_AT_ONCE = 10, 256


@dataclass(frozen=True, eq=False)
class Pool:
    """States drawn from a model, and how much each counts.

    Parameters
    ----------
    rbm : RBM
        The model that they were drawn from.
    spikes : Spikes
        States (n, N); state k is of chain ``k % n_chains``.
    n_chains : int
    hidden : (n, M) float32
        One draw of the hidden units given each state.
    log_weights : (n,) float64
        Logarithm of how much each counts.
    memory : (M,) float64
        Correlation over chains between the activity of each assembly in the first frame and in the
        last state.
    """

    rbm: RBM
    spikes: Spikes
    n_chains: int
    hidden: NDArray[np.float32]
    log_weights: NDArray[np.float64]
    memory: NDArray[np.float64]

    @property
    def n_states(self) -> int:
        """Number of states n."""
        return self.spikes.n_frames

    @property
    def n_sweeps(self) -> int:
        """Number of states of each chain."""
        return self.n_states // self.n_chains

    @cached_property
    def inputs(self) -> NDArray[np.float32]:
        """Hidden inputs of all states, (n, M)."""
        return self.rbm.inputs_h_from_v(self.spikes)

    @cached_property
    def activity(self) -> NDArray[np.float32]:
        """Activity E[h | v] of all states, (n, M)."""
        with kernel_threads(self.rbm.n_threads):
            return self.rbm.hidden.mean(self.inputs)

    def autocorrelation(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Measure how many successive states of a chain count as one, (K,), for (n, K) values."""
        series = values.reshape(self.n_sweeps, self.n_chains, -1)
        return np.minimum(integrated_autocorrelation(series), self.n_sweeps)


def draw_pool(
    recorded: Recorded,
    *,
    n_states: int = N_STATES,
    n_chains: int = N_CHAINS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Pool:
    """Draw states of the model as it is.

    Parameters
    ----------
    recorded : Recorded
    n_states, n_chains : int
    random_state : int
    report : callable, optional
        Called with (Gibbs steps done, in all); may raise to cancel.

    Raises
    ------
    ModelError
        If there are fewer than two states.
    """
    return _drawn(recorded.rbm, recorded.spikes, n_states, n_chains, random_state, report)


def draw_clamped(
    perturbation: Perturbation,
    recorded: Recorded,
    *,
    n_states: int = CLAMPED_STATES,
    n_chains: int = CLAMPED_CHAINS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Pool:
    """Draw states given the event, from chains of the model that follows it.

    Parameters are those of `draw_pool`. A driven group gets the same push on the fields of all
    its neurons, chosen such that it reaches its level, and its states are counted accordingly.
    """
    closeness = perturbation.closeness(recorded)
    frames = np.argsort(-closeness, kind="stable")
    n_there = int((closeness == closeness[frames[0]]).sum())
    start = recorded.spikes.select_frames(np.sort(frames[: max(n_there, CLOSEST_FRAMES)]))
    push = 0.0
    if perturbation.kind == "drive" and perturbation.level != len(perturbation.neurons):
        push = _push(perturbation, recorded, start, n_chains, random_state)
    rbm = perturbation.clamped(recorded, push)
    pool = _drawn(rbm, start, n_states, n_chains, random_state, report)
    return replace(pool, log_weights=perturbation.pushed_log_weights(pool.spikes, push))


def _drawn(
    rbm: RBM,
    start: Spikes,
    n_states: int,
    n_chains: int,
    random_state: int,
    report: Callable[[int, int], None] | None,
) -> Pool:
    if n_states < 2 or n_chains < 2:
        raise ModelError(
            f"A pool needs at least 2 states and 2 chains; found {n_states} and {n_chains}."
        )
    n_chains = min(n_chains, n_states)
    # Whole sweeps, so that every chain gives as many states as any other.
    sweeps = -(-n_states // n_chains)
    done, total = 0, BURN_IN + (sweeps - 1) * THIN

    def advance(n_steps: int) -> None:
        nonlocal done
        for _ in range(n_steps // _REPORTED):
            with kernel_threads(rbm.n_threads):
                chains.advance(_REPORTED)
            done += _REPORTED
            if report is not None:
                report(done, total)

    def blocks() -> Iterator[NDArray[np.uint8]]:
        for sweep in range(sweeps):
            advance(THIN if sweep else BURN_IN)
            for first in range(0, n_chains, _CHAINS_AT_ONCE):
                words = slice(first // 64, (first + _CHAINS_AT_ONCE) // 64)
                count = min(_CHAINS_AT_ONCE, n_chains - first)
                yield dense_from_bits(chains.bits[:, words], count)

    with kernel_threads(rbm.n_threads):
        chains = Chains(rbm, n_chains, start=start, random_state=random_state)
        earlier = rbm.hidden.mean(chains.inputs)
    spikes = Spikes.from_chunks(blocks(), sweeps * n_chains, rbm.n_neurons)
    with kernel_threads(rbm.n_threads):
        later = rbm.hidden.mean(chains.inputs)
    hidden = rbm.sample_h_from_v(spikes, random_state)
    return Pool(rbm, spikes, n_chains, hidden, np.zeros(len(hidden)), _correlation(earlier, later))


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the correlation of corresponding columns, (M,); 0 for constant ones."""
    one, other = (x - x.mean(axis=0, dtype=np.float64) for x in (first, second))
    length = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.asarray((one * other).sum(axis=0) / np.where(length > 1e-6, length, np.inf))


def _push(
    perturbation: Perturbation, recorded: Recorded, start: Spikes, n_chains: int, random_state: int
) -> float:
    """Find what to add to the fields of a group so that it just exceeds its level.

    Newton's method on running chains: the derivative of the mean number of active neurons by the
    push is their variance. The mean over the second half of the rounds is taken.
    """
    level = float(perturbation.level or 1)
    push, pushes = 0.0, []
    rbm = recorded.rbm
    with kernel_threads(rbm.n_threads):
        chains = Chains(rbm, n_chains, start=start, random_state=random_state)
        for _ in range(_ROUNDS):
            chains.rbm = perturbation.clamped(recorded, push)
            chains.advance(_STEPS)
            bits = chains.bits[perturbation.neurons]
            counts = dense_from_bits(bits, n_chains).sum(axis=1, dtype=np.int64)
            wanted = level + _ABOVE * counts.std()
            wanted = min(wanted, (level + len(perturbation.neurons)) / 2)
            change = (wanted - counts.mean()) / max(counts.var(), 0.25)
            push = max(push + float(np.clip(change, -_LARGEST_CHANGE, _LARGEST_CHANGE)), 0.0)
            pushes.append(push)
    return float(np.mean(pushes[_ROUNDS // 2 :]))
