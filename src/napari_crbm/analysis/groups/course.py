"""Activity of a group of neurons over time, and the neurons with the largest values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.errors import LabelError
from napari_crbm.recording import Recording


def group_course(recording: Recording, neurons: ArrayLike) -> NDArray[np.float64]:
    """Return the percentage of a group of neurons that is active in each frame, (T,).

    Parameters
    ----------
    recording : Recording
    neurons : (K,) int

    Raises
    ------
    LabelError
        If the group is empty or holds a number that is no neuron.
    """
    chosen = checked_group(recording, neurons)
    active = np.zeros(recording.n_frames)
    for neuron in chosen:
        active += recording.spikes.trace(int(neuron))
    return 100 * active / len(chosen)


def checked_group(recording: Recording, neurons: ArrayLike) -> NDArray[np.int64]:
    """Return the neurons of a group, ascending, without repetition.

    Raises
    ------
    LabelError
        If the group is empty or holds a number that is no neuron.
    """
    chosen = np.unique(np.asarray(neurons, dtype=np.int64))
    if not len(chosen):
        raise LabelError("The group holds no neuron.")
    if chosen[0] < 0 or chosen[-1] >= recording.n_neurons:
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise LabelError(
            f"The group holds neuron {wrong}, but the recording has neurons 0 to "
            f"{recording.n_neurons - 1:,}."
        )
    return chosen


def strongest_neurons(values: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return the ``n`` neurons with the largest values (N,), ascending; NaN is never among them.

    Of equal values the first neurons are taken.
    """
    size = np.asarray(values, dtype=np.float64)
    order = np.argsort(-np.where(np.isnan(size), -np.inf, size), kind="stable")
    return np.sort(order[: max(0, min(n, int((~np.isnan(size)).sum())))])
