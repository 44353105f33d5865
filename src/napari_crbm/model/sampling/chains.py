"""Markov chains of a model: many in parallel, advanced by Gibbs steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Activity, Core
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.sampling.jumps import advance
from napari_crbm.model.units import drelu
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model.estimator import CRBM

_START, _ADVANCE, _RESTART = 0, 1, 2
# Most frames that are laid over each other to look for states that no recording shows.
_UNION = 3
# How chains of a training start anew, each as often: as independent neurons, or in so many
# frames laid over each other, which are one on average.
_INDEPENDENT = -1
_STARTS = (_INDEPENDENT, 0, 0, 0, 1, 2, 3)


def starting_activity(
    fields: NDArray[np.float32], n_chains: int, start: Spikes | None, random_state: int
) -> NDArray[np.uint64]:
    """Bits of the first state: random recorded frames, or independent neurons."""
    generator = np.random.default_rng([random_state, _START])
    if start is not None:
        frames = generator.choice(start.n_frames, n_chains, replace=start.n_frames < n_chains)
        return bits_from_dense(start.dense(frames))
    return bits_from_dense(_independent(fields, n_chains, generator))


def average_fields(
    fields: NDArray[np.float32], weights: NDArray[np.float32], mean: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Fields (N,) with hidden units at their average (M,): the log-odds of independent neurons.

    Fields alone would depend on where zero is on the axes of h.
    """
    return np.asarray(fields + weights @ mean.astype(np.float32))


def restart_in_unions(
    activity: Activity,
    chains: NDArray[np.int64],
    spikes: Spikes,
    generator: np.random.Generator,
    core: Core = NUMBA,
) -> None:
    """Start the chosen chains anew from all the neurons active in a few random frames.

    Several recorded states at once are a state that no recording shows. If the model
    holds one for a long time, chains that start from recorded or quiet states may need
    very long to find it; these find it at once.

    Parameters
    ----------
    activity : (N, ceil(B / 64)) uint64, or what `core` keeps activity in
        Of the chains, changed in place.
    chains : (R,) int
    spikes : Spikes
    generator : numpy.random.Generator
    core : Core
    """
    for chain in chains:
        n_frames = int(generator.integers(1, _UNION + 1))
        core.replace_state(activity, int(chain), _union(spikes, n_frames, generator))


def restart_balanced(
    activity: Activity,
    chains: NDArray[np.int64],
    spikes: Spikes,
    fields: NDArray[np.float32],
    generator: np.random.Generator,
    core: Core = NUMBA,
) -> None:
    """Start the chosen chains anew: some with less on than a recorded frame, some with more.

    A large assembly hardly ever switches within the life of a chain. How often chains have
    it on is then how often they began with it on, and if that is too often, training makes
    up for it and leaves a model that is too quiet. Starts with no frame make up for those in
    two or three, so that on average it is on as often as in the recording; and so chains of
    independent neurons, which is where people start from, are led to the same share.

    Parameters
    ----------
    activity, chains, spikes, generator, core
        As for `restart_in_unions`.
    fields : (N,) float32
        Of the model.
    """
    for chain in chains:
        n_frames = int(generator.choice(_STARTS))
        if n_frames == _INDEPENDENT:
            state = _independent(fields, 1, generator)[0]
        else:
            state = _union(spikes, n_frames, generator)
        core.replace_state(activity, int(chain), state)


def _independent(
    fields: NDArray[np.float32], n_states: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """States (n_states, N) of neurons that know nothing of each other."""
    draws = generator.random((n_states, len(fields)), dtype=np.float32)
    return np.asarray(draws < expit(fields))


def _union(spikes: Spikes, n_frames: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Neurons (N,) that are active in any of so many random frames."""
    frames = generator.integers(spikes.n_frames, size=n_frames)
    return np.asarray(np.any(spikes.dense(frames), axis=0))


def log_odds(model: CRBM) -> NDArray[np.float32]:
    """Of independent neurons as active as the model's, as far as it is known what they do."""
    if model.examples_ is None:
        return model.fields_
    mean = drelu.mean(model.examples_, model.hidden_).mean(axis=0)
    return average_fields(model.fields_, model.weights_, mean)


class Chains:
    """``n_chains`` independent Gibbs chains of one model.

    Hold `kernel_threads` while advancing. The state after k calls is a function of
    the seed and the steps asked for, whatever the number of threads.

    Parameters
    ----------
    model : CRBM
        A fitted model; it must not change while the chains run.
    n_chains : int
    start : Spikes, optional
        Frames to start from; independent neurons otherwise.
    random_state : int
    jumps : bool
        Whether hidden units may also jump, if the model carries examples; see
        `model.sampling.jumps`.
    """

    def __init__(
        self,
        model: CRBM,
        n_chains: int,
        *,
        start: Spikes | None = None,
        random_state: int = 0,
        jumps: bool = True,
    ) -> None:
        self.model = model
        self._examples = model.examples_ if jumps else None
        self.n_chains = n_chains
        self.random_state = random_state
        self.calls = 0
        self.weights = efficient(model.weights_)
        self.bits = starting_activity(log_odds(model), n_chains, start, random_state)
        self.inputs = np.empty((n_chains, model.n_assemblies), dtype=np.float32)
        self.weights.project_bits(self.bits, self.inputs)

    def restart(self, chosen: NDArray[np.int64], spikes: Spikes) -> None:
        """Start some chains anew in unions of frames; see `restart_in_unions`."""
        generator = np.random.default_rng([self.random_state, _RESTART, self.calls])
        restart_in_unions(self.bits, chosen, spikes, generator)
        self.weights.project_bits(self.bits, self.inputs)

    def advance(self, n_steps: int) -> None:
        """Run ``n_steps`` Gibbs steps (h given v, then v given h) on all chains."""
        key = stream(self.random_state, _ADVANCE, self.calls)
        advance(
            self.weights,
            self.model.fields_,
            self.model.hidden_,
            self.inputs,
            self.bits,
            self._examples,
            key,
            n_steps,
        )
        self.calls += 1

    def state(self) -> NDArray[np.uint8]:
        """Current activity of all chains, (B, N) uint8."""
        return dense_from_bits(self.bits, self.n_chains)
