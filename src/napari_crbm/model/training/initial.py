"""Initial state of a training: decided settings, initial weights, and units that suit them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Array, Backend
from napari_crbm.model.compute import model_size
from napari_crbm.model.compute.kernels.weight_update import (
    PENALISED,
    SILENT,
    STARTING,
    SUPPORTED,
)
from napari_crbm.model.start.initialise import Start, assembly_start, random_start
from napari_crbm.model.start.two_state_units import two_state_units
from napari_crbm.model.training.frames import TrainingFrames
from napari_crbm.model.training.settings import (
    Settings,
    default_final_learning_rate,
    default_l1,
)
from napari_crbm.model.units.protocol import TrainingUnits, UnitType, mapped, merged
from napari_crbm.spikes import Spikes

# Frames on which the variance of hidden units is set before the first update, and how often.
_FRAMES_TO_SETTLE, _TURNS_TO_SETTLE = 400, 50


def decided(settings: Settings, train: Spikes, n_hidden: int) -> Settings:
    """Replace what settings leave to "auto" by the values for these training frames."""
    l1, final = settings.l1, settings.final_learning_rate
    if l1 == "auto":
        l1 = default_l1(train)
    if final == "auto":
        large = model_size.is_large(train.n_neurons, n_hidden)
        final = default_final_learning_rate(large, settings.learning_rate)
    return replace(settings, n_hidden=n_hidden, l1=l1, final_learning_rate=final)


def initial_weights(train: Spikes, settings: Settings) -> Generator[int, None, Start]:
    """Find initial weights, yielding how many assemblies are found so far."""
    n_hidden = settings.n_hidden
    if settings.initialisation == "assemblies":
        return (yield from assembly_start(train, n_hidden, settings.random_state))
    if isinstance(n_hidden, str):
        found = yield from assembly_start(train, n_hidden, settings.random_state)
        n_hidden = found.weights.shape[1]
    return random_start(train, n_hidden, settings.random_state)


def initial_roles(supported: NDArray[np.bool_], large: bool) -> NDArray[np.uint8]:
    """Decide what every weight (N, M) may do at first, see `weight_selection`."""
    if not large or not supported.any():
        return np.where(supported, SUPPORTED, PENALISED)
    # Other weights join once the recording supports them.
    return np.where(supported, STARTING, SILENT)


def settle(
    hidden: TrainingUnits, units: Array, frames: TrainingFrames, form: Array, backend: Backend
) -> None:
    """Give the chosen units unit variance on a sample of frames, in place."""
    inputs = frames.inputs(form, at_most=_FRAMES_TO_SETTLE)
    for _ in range(_TURNS_TO_SETTLE):
        relaxed = hidden.relaxed(backend.moments(inputs, hidden.units()), 1.0)
        for row, moved in zip(hidden, relaxed, strict=True):
            if moved is not row:
                row[units] = moved[units]


def with_two_states(
    unit_type: UnitType,
    hidden: TrainingUnits,
    weights: NDArray[np.float32],
    frames: TrainingFrames,
    form: Array,
    backend: Backend,
) -> tuple[TrainingUnits, NDArray[np.float32]]:
    """Give units whose assembly is either on or off a well for each state.

    Returns
    -------
    hidden : TrainingUnits
        On the device.
    added : (N,) float32
        How much the mean of h adds to the log-odds of the neurons; fields make up for it.
    """
    inputs = backend.get(frames.inputs(form))
    made = two_state_units(unit_type, weights, inputs, frames.correlate)
    if made is None:
        return hidden, np.zeros(len(weights), dtype=np.float32)
    now = mapped(hidden, backend.get).units()
    units = unit_type.training.from_units(merged(made.chosen, made.units, now))
    mean = np.where(made.chosen, made.mean, 0.0)
    return mapped(units, backend.put), (weights @ mean).astype(np.float32)
