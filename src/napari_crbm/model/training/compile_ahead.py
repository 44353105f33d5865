"""Compile the kernels before a training needs them.

This takes tens of seconds after an installation, and a second or two in later processes, which
load compiled kernels from disk.
"""

from __future__ import annotations

import threading

import numpy as np

from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.kernels.weight_update import ACTIVE, SILENT
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.model.training.settings import Settings
from napari_crbm.spikes import Spikes

_lock = threading.Lock()
_ready = threading.Event()


def compiled() -> bool:
    """Return whether `compile_ahead` has finished in this process."""
    return _ready.is_set()


def compile_ahead() -> None:
    """Compile every kernel of a training by two updates of a very small one, once per process."""
    with _lock:
        if compiled():
            return
        raster = np.random.default_rng(0).random((40, 130)) < 0.2
        settings = Settings(n_hidden=4, n_updates=2, n_chains=20, batch_size=10, gibbs_steps=1)
        training = TrainingRun(Spikes.from_dense(raster), settings)
        for _ in training:
            pass
        training.result()
        learner = training.learner
        roles = np.full(learner.active.shape, SILENT)
        roles[:, 0] = ACTIVE
        weights = np.where(roles == ACTIVE, np.float32(0.1), np.float32(0))
        learner.active = ActiveSet(weights, np.zeros_like(weights), roles)
        with kernel_threads():
            learner.active.form.project_bits(learner.activity, learner.inputs)
            learner.step(0, settings.learning_rate)
            learner.revise(0)
            learner.take_spurious(0)
        _ready.set()
