"""A training that visits every kernel, for processes with their own settings of Numba."""

from __future__ import annotations

import hashlib

import numpy as np

from napari_crbm.model import Settings, Training
from napari_crbm.model.compute.weights import DenseWeights, SparseWeights
from tests.conftest import planted_raster


def fingerprint(n_threads: int) -> str:
    """Hash of what two trainings end with, resumed half way: dense to the end, and sparse."""
    spikes, _ = planted_raster(n_neurons=200, n_frames=400, size=20)
    digest = hashlib.sha256()
    for l1, form in ((0.0, DenseWeights), (0.05, SparseWeights)):
        settings = Settings(
            n_hidden=6,
            n_updates=104 if l1 else 12,
            l1=l1,
            n_chains=70,
            batch_size=70,
            gibbs_steps=2,
            n_threads=n_threads,
        )
        training = Training(spikes, settings)
        for progress in training:
            if progress.update >= 6:
                training.control.stop()
        training = Training(spikes, resume=training.checkpoint())
        for _ in training:
            pass
        assert training.update == settings.n_updates
        assert type(training.learner.active.form) is form, type(training.learner.active.form)
        model = training.model()
        for values in (model.weights_, model.fields_, *model.hidden_, training.learner.activity):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]
