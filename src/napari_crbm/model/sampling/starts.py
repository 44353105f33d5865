"""Initial states of chains, and states that training restarts some of its chains from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.backends.protocol import Activity, Backend
from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes

_START = 0
# Largest number of recorded frames in a union.
_UNION = 3
# Restarts of large models, each equally often: independent neurons, or the union of so many
# frames. The unions hold one frame on average.
_INDEPENDENT = -1
_STARTS = (_INDEPENDENT, 0, 0, 0, 1, 2, 3)


def starting_activity(
    fields: NDArray[np.float32], n_chains: int, start: Spikes | None, random_state: int
) -> NDArray[np.uint64]:
    """Draw the first states of chains from recorded frames or from independent neurons.

    Parameters
    ----------
    fields : (N,) float32
        Log-odds of independent neurons; used without ``start``.
    n_chains : int
    start : Spikes, optional
        Recorded frames, of which random ones are taken.
    random_state : int

    Returns
    -------
    bits : (N, ceil(B / 64)) uint64
    """
    generator = np.random.default_rng([random_state, _START])
    if start is not None:
        frames = generator.choice(start.n_frames, n_chains, replace=start.n_frames < n_chains)
        return bits_from_dense(start.dense(frames))
    return bits_from_dense(_independent(fields, n_chains, generator))


def average_fields(
    fields: NDArray[np.float32], weights: NDArray[np.float32], mean: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Compute the log-odds (N,) of independent neurons with hidden units at their mean (M,).

    Fields alone would depend on where zero is on the axes of h.
    """
    return np.asarray(fields + weights @ mean.astype(np.float32))


def log_odds(rbm: RBM) -> NDArray[np.float32]:
    """Compute the log-odds (N,) of independent neurons that are about as active as the model's.

    Without examples the mean of the hidden units is unknown, and the fields are returned.
    """
    if rbm.examples is None:
        return rbm.fields
    mean = rbm.hidden.mean(rbm.examples).mean(axis=0)
    return average_fields(rbm.fields, rbm.weights, mean)


def restart_in_unions(
    activity: Activity,
    chains: NDArray[np.int64],
    spikes: Spikes,
    generator: np.random.Generator,
    backend: Backend = NUMBA,
) -> None:
    """Restart the chosen chains from unions of random recorded frames.

    In the union of several frames every neuron is active that is active in any of them. Such a
    state is absent from the recording. If it is a spurious mode of the model, chains that start
    from recorded or quiet states may need very long to find it; these find it at once.

    Parameters
    ----------
    activity : (N, ceil(B / 64)) uint64, or the form in which `backend` keeps activity
        States of all chains, changed in place.
    chains : (R,) int
    spikes : Spikes
    generator : numpy.random.Generator
    backend : Backend
    """
    for chain in chains:
        n_frames = int(generator.integers(1, _UNION + 1))
        backend.replace_state(activity, int(chain), _union(spikes, n_frames, generator))


def restart_balanced(
    activity: Activity,
    chains: NDArray[np.int64],
    spikes: Spikes,
    fields: NDArray[np.float32],
    generator: np.random.Generator,
    backend: Backend = NUMBA,
) -> None:
    """Restart the chosen chains from states that are less, equally or more active than frames.

    A large assembly hardly ever switches within the life of a chain, so that the share of chains
    in which it is on is the share of restarts in which it is on. If that were larger than in the
    recording, training would compensate and the model would be too quiet. Empty states
    compensate for the unions of two or three frames, so that on average an assembly is on as
    often as in the recording. Chains that start from independent neurons, as samples of the
    trained model do, are trained to reach the same share.

    Parameters
    ----------
    activity, chains, spikes, generator, backend
        As for `restart_in_unions`.
    fields : (N,) float32
        Log-odds of independent neurons.
    """
    for chain in chains:
        n_frames = int(generator.choice(_STARTS))
        if n_frames == _INDEPENDENT:
            state = _independent(fields, 1, generator)[0]
        else:
            state = _union(spikes, n_frames, generator)
        backend.replace_state(activity, int(chain), state)


def _independent(
    fields: NDArray[np.float32], n_states: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw states (n_states, N) of independent neurons."""
    draws = generator.random((n_states, len(fields)), dtype=np.float32)
    return np.asarray(draws < expit(fields))


def _union(spikes: Spikes, n_frames: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Find the neurons (N,) that are active in any of so many random frames."""
    frames = generator.integers(spikes.n_frames, size=n_frames)
    return np.asarray(np.any(spikes.dense(frames), axis=0))
