"""Random groups of neurons with the size and the activities of a group: the null."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes

#: A neuron is replaced by one of so many outside the group whose activity is nearest to its own.
NEAREST = 20
#: Random groups by default.
N_GROUPS = 100
_MATCHED = 12


def matched_groups(
    spikes: Spikes,
    neurons: NDArray[np.integer],
    n_groups: int = N_GROUPS,
    random_state: int = 0,
) -> list[NDArray[np.int64]]:
    """Draw random groups that match a group neuron by neuron in mean activity.

    Parameters
    ----------
    spikes : Spikes
        The recording.
    neurons : (n,) int
        The group; its neurons are in no random group.
    n_groups : int
    random_state : int

    Returns
    -------
    list of (n,) int64

    Raises
    ------
    ModelError
        If fewer neurons lie outside the group than in it.
    """
    others = np.setdiff1d(np.arange(spikes.n_neurons), neurons)
    if len(others) < len(neurons):
        raise ModelError(
            f"The group has {len(neurons):,} of {spikes.n_neurons:,} neurons: random groups of "
            "this size cannot be drawn from the others. Choose a smaller group."
        )
    rate = spikes.mean_activity
    generator = np.random.default_rng([random_state, _MATCHED])
    return [_matched(rate, np.asarray(neurons), others, generator) for _ in range(n_groups)]


def _matched(
    rate: NDArray[np.float64],
    neurons: NDArray[np.integer],
    others: NDArray[np.int64],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    # Equal activities are common, so the order among them is drawn anew for each group.
    order = others[np.lexsort((generator.random(len(others)), rate[others]))]
    free = np.ones(len(order), dtype=bool)
    places = np.searchsorted(rate[order], rate[neurons])
    chosen = []
    for place in generator.permutation(places):
        reach = NEAREST // 2
        near = np.empty(0, dtype=np.int64)
        while not len(near):
            low = max(int(place) - reach, 0)
            near = low + np.flatnonzero(free[low : int(place) + reach])
            reach *= 2
        pick = int(generator.choice(near))
        free[pick] = False
        chosen.append(order[pick])
    return np.sort(np.array(chosen, dtype=np.int64))
