"""Covariances of neurons and hidden units that a model in training does not explain."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_crbm.model.backends.protocol import Array, Backend
from napari_crbm.model.training.frames import TrainingFrames
from napari_crbm.model.units.protocol import HiddenUnits


def gradient(
    active: Any,
    fields: Array,
    units: HiddenUnits,
    frames: TrainingFrames,
    chain_inputs: Array,
    backend: Backend,
    key: np.uint64,
) -> Array:
    """Compute the gradient (N, M) of all weights from all frames, with little noise.

    Hidden units have their expected values in the frames, neurons theirs in the chains.
    """
    recorded = backend.mean(frames.inputs(active.form), units)
    generating = backend.sample(chain_inputs, units, key)
    return _beyond_model(active, fields, frames, backend, recorded, generating)


def residual(
    active: Any,
    fields: Array,
    units: HiddenUnits,
    frames: TrainingFrames,
    backend: Backend,
    key: np.uint64,
) -> Array:
    """Compute the covariance (N, M) of hidden units with the residuals of recorded neurons.

    Hidden units are drawn given the recorded frames. Once the weights are right, neurons are
    independent given them, and only chance covariance is left.
    """
    hidden = backend.sample(frames.inputs(active.form), units, key)
    return _beyond_model(active, fields, frames, backend, hidden, hidden)


def _beyond_model(
    active: Any,
    fields: Array,
    frames: TrainingFrames,
    backend: Backend,
    recorded: Array,
    generating: Array,
) -> Array:
    """Compute the covariance of recorded neurons and hidden values, less that in the model.

    Covariances, not products: differences of the means are corrected by fields and thresholds.

    Parameters
    ----------
    active, fields, frames, backend
        The model in training, and its training frames.
    recorded : (T, M) float32
        Hidden values of the training frames.
    generating : (B, M) float32
        Hidden values given which the model's neurons are expected.

    Returns
    -------
    (N, M) float32
    """
    factors = (recorded - recorded.mean(axis=0)) / np.float32(frames.spikes.n_frames)
    beyond = backend.correlate(frames.raster, factors)
    centred = generating - generating.mean(axis=0)
    backend.subtract_expected(active, fields, generating, centred, beyond)
    return beyond
