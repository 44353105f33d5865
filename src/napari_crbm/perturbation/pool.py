"""States drawn from a model once, from which many questions are answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.sampling.draw import Samples, draw, integrated_autocorrelation
from napari_crbm.perturbation.perturbations import Perturbation
from napari_crbm.perturbation.recorded import Recorded, active_counts
from napari_crbm.spikes import Spikes

#: States of a pool, and the chains that they are drawn from.
N_STATES, N_CHAINS = 8000, 400
#: States and chains for one question, where the pool falls short.
CLAMPED_STATES, CLAMPED_CHAINS = 4000, 200
# Frames that the chains of a driven group start from: the most active of the group.
_MOST_ACTIVE = 100
# Search of the push that brings a group to its level: rounds, Gibbs steps of each, largest change.
_ROUNDS, _STEPS, _LARGEST_CHANGE = 60, 4, 1.0
# The search aims at the level plus so many standard deviations of the number of active neurons.
_ABOVE = 0.5
_SEARCH = 11


@dataclass(frozen=True, eq=False)
class Pool:
    """States drawn from a model, and how much each counts.

    Parameters
    ----------
    rbm : RBM
        The model that they were drawn from.
    samples : Samples
        States; state k is of chain ``k % n_chains``.
    hidden : (n, M) float32
        One draw of the hidden units given each state.
    log_weights : (n,) float64
        Logarithm of how much each counts.
    """

    rbm: RBM
    samples: Samples
    hidden: NDArray[np.float32]
    log_weights: NDArray[np.float64]

    @property
    def spikes(self) -> Spikes:
        """The states, (n, N)."""
        return self.samples.spikes

    @property
    def n_states(self) -> int:
        """Number of states n."""
        return self.spikes.n_frames

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
        n_chains = self.samples.n_chains
        sweeps = self.n_states // n_chains
        if sweeps < 2:
            return np.ones(values.shape[1])
        series = values[: sweeps * n_chains].reshape(sweeps, n_chains, -1)
        return integrated_autocorrelation(series)


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
        Called with (Gibbs steps done, expected in all); may raise to cancel.

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
    start, push = recorded.spikes, 0.0
    if perturbation.kind == "drive":
        counts = active_counts(recorded.spikes, perturbation.neurons)
        most = np.argsort(-counts, kind="stable")[:_MOST_ACTIVE]
        generator = np.random.default_rng([random_state, _SEARCH])
        others = generator.choice(recorded.spikes.n_frames, len(most), replace=False)
        start = recorded.spikes.select_frames(np.concatenate([most, others]))
        if perturbation.level != len(perturbation.neurons):
            push = _push(perturbation, recorded, start, n_chains, random_state)
    rbm = perturbation.clamped(recorded, push)
    pool = _drawn(rbm, start, n_states, n_chains, random_state, report)
    log_weights = perturbation.pushed_log_weights(pool.spikes, push)
    return Pool(rbm, pool.samples, pool.hidden, log_weights)


def _drawn(
    rbm: RBM,
    start: Spikes,
    n_states: int,
    n_chains: int,
    random_state: int,
    report: Callable[[int, int], None] | None,
) -> Pool:
    if n_states < 2 or n_chains < 1:
        raise ModelError(
            f"A pool needs at least 2 states and 1 chain; found {n_states} and {n_chains}."
        )
    n_chains = min(n_chains, n_states)
    # Whole sweeps, so that every chain gives as many states as any other.
    n_states = -(-n_states // n_chains) * n_chains
    samples = draw(
        rbm, n_states, n_chains=n_chains, start=start, random_state=random_state, report=report
    )
    hidden = rbm.sample_h_from_v(samples.spikes, random_state)
    return Pool(rbm, samples, hidden, np.zeros(n_states))


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
            counts = chains.state()[:, perturbation.neurons].sum(axis=1)
            wanted = level + _ABOVE * counts.std()
            wanted = min(wanted, (level + len(perturbation.neurons)) / 2)
            change = (wanted - counts.mean()) / max(counts.var(), 0.25)
            push = max(push + float(np.clip(change, -_LARGEST_CHANGE, _LARGEST_CHANGE)), 0.0)
            pushes.append(push)
    return float(np.mean(pushes[_ROUNDS // 2 :]))
