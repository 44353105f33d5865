"""Initial states of chains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.spikes import Spikes

_START = 0
# Largest number of recorded frames in a union.
_UNION = 3


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
    return bits_from_dense(_states(fields, n_chains, start, generator))


def shared_starts(
    fields: NDArray[np.float32],
    n_chains: int,
    n_states: int,
    start: Spikes | None,
    random_state: int,
    unions: bool,
) -> NDArray[np.uint64]:
    """Draw initial states that several chains share: chain k starts from state k mod ``n_states``.

    In the union of several frames every neuron is active that is active in any of them. Such a
    state is absent from the recording. If it is a spurious mode of the model, chains that start
    from recorded or quiet states may need very long to find it; these find it at once.

    Parameters
    ----------
    fields, n_chains, start, random_state
        See `starting_activity`.
    n_states : int
        Different states.
    unions : bool
        Whether every second state is the union of one to three frames of ``start``.

    Returns
    -------
    bits : (N, ceil(B / 64)) uint64
    """
    generator = np.random.default_rng([random_state, _START])
    states = _states(fields, n_states, start, generator)
    if start is not None and unions:
        for state in range(1, n_states, 2):
            size = int(generator.integers(1, _UNION + 1))
            frames = generator.integers(start.n_frames, size=size)
            states[state] = np.any(start.dense(frames), axis=0)
    return bits_from_dense(states[np.arange(n_chains) % n_states])


def _states(
    fields: NDArray[np.float32], n_states: int, start: Spikes | None, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw states (n_states, N): recorded frames, or those of independent neurons."""
    if start is not None:
        frames = generator.choice(start.n_frames, n_states, replace=start.n_frames < n_states)
        return start.dense(frames).astype(bool)
    draws = generator.random((n_states, len(fields)), dtype=np.float32)
    return np.asarray(draws < expit(fields))
