"""Estimate how long a training will take, from a few measured updates."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_crbm.model.backends import choice
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.settings import Settings, check_against
from napari_crbm.model.training.split import split_for
from napari_crbm.spikes import Spikes

_NEURONS = 3000
_MEASURE_S = 0.4
# About this share of the weights takes part in most updates.
_DENSITY = 0.2


class Pace(NamedTuple):
    """Seconds before the first update, and for every update."""

    preparing: float
    update: float

    def total(self, n_updates: int) -> float:
        """Compute the seconds that a training of so many updates takes."""
        return self.preparing + n_updates * self.update


def measure_pace(spikes: Spikes, settings: Settings) -> Pace:
    """Measure the pace of a training on this machine and recording by making a few updates.

    They are made with a few thousand of the neurons and with a third of those; the time is
    extrapolated linearly to all neurons. With ``n_hidden="auto"``, the number of hidden units is
    the one found with those neurons. Compilation is not counted (see `compile_ahead`). Takes a few
    seconds.

    Raises
    ------
    ModelError
        If the settings do not suit the recording.
    """
    check_against(settings, spikes)
    n_large = min(_NEURONS, spikes.n_neurons)
    n_small = max(n_large // 3, 1)
    large, n_hidden = _pace_of(n_large, spikes, settings)
    small, _ = _pace_of(n_small, spikes, replace(settings, n_hidden=n_hidden))
    # Part of the time does not grow with the neurons; so few do not fill a GPU.
    slope = max(large.update - small.update, 0.0) / max(n_large - n_small, 1)
    return Pace(
        large.preparing * spikes.n_neurons / n_large,
        large.update + slope * (spikes.n_neurons - n_large),
    )


def _pace_of(n_neurons: int, spikes: Spikes, settings: Settings) -> tuple[Pace, int]:
    """Measure the pace of a training on some of the neurons, and its number of hidden units."""
    chosen = np.linspace(0, spikes.n_neurons - 1, n_neurons).astype(int)
    pilot = spikes.select_neurons(chosen).select_frames(split_for(spikes, settings).train)
    n_hidden = settings.n_hidden
    if not isinstance(n_hidden, str):
        n_hidden = min(n_hidden, len(chosen))
    started = time.perf_counter()
    backend = choice.backend_for(choice.resolved(settings.device))
    with kernel_threads(settings.n_threads):
        learner = Learner.started(pilot, replace(settings, n_hidden=n_hidden), backend)
        preparing = time.perf_counter() - started
        n_made = int(learner.settings.n_hidden)
        _thin_out(learner, _DENSITY)
        update = _seconds_per_update(learner)
    return Pace(preparing, update), n_made


def _seconds_per_update(learner: Learner) -> float:
    rate = learner.settings.learning_rate
    learner.step(0, rate)
    started, updates, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < _MEASURE_S:
        updates += 1
        learner.step(updates, rate)
        learner.backend.wait()
        elapsed = time.perf_counter() - started
    return elapsed / updates


def _thin_out(learner: Learner, share: float) -> None:
    active = learner.active
    weights = np.abs(active.dense())
    smallest = np.quantile(weights, 1 - share)
    roles = np.where(weights > smallest, active.roles, SILENT)
    learner.active = learner.backend.active_set(active.dense(), active.second_moment(), roles)
