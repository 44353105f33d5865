"""Hidden units whose assembly is either on or off in the recording, to start training from.

Such units start with one potential well for each state, if their type has such potentials. What
the potentials depend on is measured here: the inputs while the assembly is on, and while it is
off.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.two_groups import mean_within, on_frames
from napari_crbm.model.units.protocol import InputState, TwoStateUnits, UnitType


def two_state_units(
    unit_type: UnitType,
    weights: NDArray[np.float32],
    inputs: NDArray[np.float32],
    correlate: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> TwoStateUnits | None:
    """Compute units with a well for each state of their assembly.

    Parameters
    ----------
    unit_type : UnitType
    weights : (N, M) float32
    inputs : (T, M) float32
        Hidden inputs of the training frames.
    correlate : callable
        Sums values (T, M) over the frames in which each neuron is active, (N, M).

    Returns
    -------
    TwoStateUnits or None
        None if the unit type has no potentials with two wells.
    """
    if unit_type.for_two_states is None:
        return None
    on = on_frames(inputs)
    up, down = (
        input_state(inputs, frames, _neuron_noise(weights, frames, correlate))
        for frames in (on, ~on)
    )
    return unit_type.for_two_states(up, down, len(inputs))


def input_state(
    inputs: NDArray[np.floating], frames: NDArray[np.bool_], noise: NDArray[np.floating]
) -> InputState:
    """Describe the inputs (T, M) in some frames (T, M), where their noise is (M,)."""
    mean = mean_within(inputs, frames)
    variance = mean_within((inputs - mean) ** 2, frames)
    return InputState(frames.mean(axis=0), mean, variance, np.asarray(noise, dtype=np.float64))


def _neuron_noise(
    weights: NDArray[np.float32],
    frames: NDArray[np.bool_],
    correlate: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float64]:
    """Compute the variance (M,) of the inputs by independent neurons as active as in frames."""
    shares = (frames / np.maximum(frames.sum(axis=0), 1)).astype(np.float32)
    active = correlate(shares)
    noise = np.zeros(weights.shape[1])
    for rows in row_blocks(len(weights)):
        noise += (weights[rows] ** 2 * active[rows] * (1 - active[rows])).sum(axis=0)
    return noise
