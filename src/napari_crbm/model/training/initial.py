"""Initial state of a training: decided settings, initial weights, and units that suit them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Array, Backend
from napari_crbm.model.compute.kernels.weight_update import ACTIVE, SILENT
from napari_crbm.model.start.initialise import Start, assembly_start, random_start
from napari_crbm.model.training.frames import TrainingFrames
from napari_crbm.model.training.settings import (
    FINAL_LEARNING_RATE,
    Settings,
    default_l1,
)
from napari_crbm.model.units.protocol import TrainingUnits
from napari_crbm.spikes import Spikes

# Frames on which the variance of hidden units is set before the first update, and how often.
_FRAMES_TO_SETTLE, _TURNS_TO_SETTLE = 400, 50


def decided(settings: Settings, train: Spikes, n_hidden: int) -> Settings:
    """Replace what settings leave to "auto" by the values for these training frames."""
    l1, final = settings.l1, settings.final_learning_rate
    if l1 == "auto":
        l1 = default_l1(train)
    if final == "auto":
        final = min(FINAL_LEARNING_RATE, settings.learning_rate)
    return replace(settings, n_hidden=n_hidden, l1=l1, final_learning_rate=final)


def initial_weights(
    train: Spikes,
    settings: Settings,
    coordinates: NDArray[np.floating] | None = None,
    borders: Sequence[int] = (),
) -> Generator[int, None, Start]:
    """Find initial weights, yielding how many assemblies are found so far."""
    n_hidden = settings.n_hidden
    search = (train, n_hidden, settings.random_state, coordinates, borders)
    if settings.initialisation == "assemblies":
        return (yield from assembly_start(*search))
    if isinstance(n_hidden, str):
        found = yield from assembly_start(*search)
        start = random_start(train, found.weights.shape[1], settings.random_state)
        return start._replace(by_chance=found.by_chance)
    return random_start(train, n_hidden, settings.random_state)


def initial_roles(supported: NDArray[np.bool_], l1: float) -> NDArray[np.uint8]:
    """Decide which weights (N, M) take part at first; others may join, see `weight_selection`."""
    if not l1 or not supported.any():
        return np.full(supported.shape, ACTIVE)
    return np.where(supported, ACTIVE, SILENT)


def settled(
    hidden: TrainingUnits, frames: TrainingFrames, form: Array, backend: Backend
) -> TrainingUnits:
    """Return units with unit variance on a sample of frames."""
    inputs = frames.inputs(form, at_most=_FRAMES_TO_SETTLE)
    for _ in range(_TURNS_TO_SETTLE):
        hidden = hidden.relaxed(backend.moments(inputs, hidden.units()), 1.0)
    return hidden
