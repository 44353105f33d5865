"""How long a training will take, measured before it starts."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_crbm.model.kernels.ascent import SILENT
from napari_crbm.model.settings import Settings, check_against
from napari_crbm.model.threads import kernel_threads
from napari_crbm.model.training import Training
from napari_crbm.spikes import Spikes

_NEURONS = 3000
_MEASURE_S = 0.4
# Typical course of a training: this share of the updates runs with all weights in play,
# the rest with about this share of them.
_DENSE_UPDATES = 0.2
_LATER_DENSITY = 0.25


class Pace(NamedTuple):
    """Seconds before the first update, and for every update."""

    preparing: float
    update: float

    def total(self, n_updates: int) -> float:
        """Seconds that so many updates take."""
        return self.preparing + n_updates * self.update


def measure_pace(spikes: Spikes, settings: Settings) -> Pace:
    """What a training costs on this machine and recording, by making a few real updates.

    They are made on a few thousand of the neurons, with all weights and with as few as are
    typically left later on; the work grows in proportion to the neurons. With
    ``n_hidden="auto"`` as many hidden units are assumed as those neurons show.
    Compilation is not counted (see `compile_ahead`). Takes a few seconds.

    Raises
    ------
    ModelError
        If the settings do not suit the recording.
    """
    check_against(settings, spikes)
    few = np.linspace(0, spikes.n_neurons - 1, min(_NEURONS, spikes.n_neurons)).astype(int)
    pilot = spikes.select_neurons(few)
    n_hidden = settings.n_hidden
    if not isinstance(n_hidden, str):
        n_hidden = min(n_hidden, len(few))
    started = time.perf_counter()
    training = Training(pilot, replace(settings, n_hidden=n_hidden))
    with kernel_threads(settings.n_threads):
        training._prepare()
        preparing = time.perf_counter() - started
        dense = _seconds_per_update(training)
        _thin_out(training)
        sparse = _seconds_per_update(training)
    scale = spikes.n_neurons / len(few)
    update = _DENSE_UPDATES * dense + (1 - _DENSE_UPDATES) * sparse
    return Pace(scale * preparing, scale * update)


def _seconds_per_update(training: Training) -> float:
    training._step()
    training.update += 1
    started, updates, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < _MEASURE_S:
        training._step()
        training.update += 1
        updates += 1
        elapsed = time.perf_counter() - started
    return elapsed / updates


def _thin_out(training: Training) -> None:
    active = training._active
    weights = np.abs(active.dense())
    smallest = np.quantile(weights, 1 - _LATER_DENSITY)
    roles = np.where(weights > smallest, active.roles, SILENT)
    training._active = type(active)(active.dense(), active.second_moment(), roles)
