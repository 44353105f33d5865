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
    if start is not None:
        frames = generator.choice(start.n_frames, n_chains, replace=start.n_frames < n_chains)
        return bits_from_dense(start.dense(frames))
    return bits_from_dense(_independent(fields, n_chains, generator))


def restart_in_unions(
    bits: NDArray[np.uint64],
    chains: NDArray[np.int64],
    spikes: Spikes,
    generator: np.random.Generator,
) -> None:
    """Restart the chosen chains from unions of random recorded frames.

    In the union of several frames every neuron is active that is active in any of them. Such a
    state is absent from the recording. If it is a spurious mode of the model, chains that start
    from recorded or quiet states may need very long to find it; these find it at once.

    Parameters
    ----------
    bits : (N, ceil(B / 64)) uint64
        States of all chains, changed in place.
    chains : (R,) int
    spikes : Spikes
    generator : numpy.random.Generator
    """
    for chain in chains.tolist():
        frames = generator.integers(spikes.n_frames, size=int(generator.integers(1, _UNION + 1)))
        active = np.any(spikes.dense(frames), axis=0)
        word, bit = chain // 64, np.uint64(1) << np.uint64(chain % 64)
        bits[:, word] &= ~bit
        bits[active, word] |= bit


def _independent(
    fields: NDArray[np.float32], n_states: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw states (n_states, N) of independent neurons."""
    draws = generator.random((n_states, len(fields)), dtype=np.float32)
    return np.asarray(draws < expit(fields))
