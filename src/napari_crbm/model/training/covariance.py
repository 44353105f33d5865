"""Covariance of neurons and hidden units that a model in training does not explain."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_crbm.model.backends.protocol import Array, Backend
from napari_crbm.model.training.frames import TrainingFrames
from napari_crbm.model.units.protocol import HiddenUnits


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
    centred = hidden - hidden.mean(axis=0)
    # Covariances, not products: differences of the means are corrected by fields and thresholds.
    beyond = backend.correlate(frames.raster, centred / np.float32(frames.spikes.n_frames))
    backend.subtract_expected(active, fields, hidden, centred, beyond)
    return beyond
