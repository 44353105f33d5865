"""The choice of the weights that take part."""

from dataclasses import replace

import numpy as np

from napari_crbm.model import Settings, Training
from napari_crbm.model.backends import NUMBA
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.training import covariance
from napari_crbm.model.training.learner import Learner
from tests.model.training.test_training import run, same

SETTINGS = Settings(n_hidden=8, n_updates=600, n_chains=60)


def test_members_are_kept_and_chance_is_put_out(planted):
    """Planted members keep weights; hardly any neuron that is no member does."""
    spikes, membership = planted
    model = run(Training(spikes, SETTINGS))
    size = np.abs(model.weights_)
    for members in membership.T:
        separation = (size[members][:, None] > size[~members]).mean(axis=(0, 1))
        unit = int(separation.argmax())
        assert separation[unit] > 0.95
        assert (size[members, unit] > 0).mean() > 0.9
        assert (size[~members, unit] > 0).mean() < 0.15


def test_threads_and_resuming_change_nothing(planted):
    spikes, _ = planted
    settings = replace(SETTINGS, n_updates=230)
    expected = run(Training(spikes, replace(settings, n_threads=1)))
    first = Training(spikes, settings)
    for progress in first:
        if progress.update > 100:
            first.control.stop()
    assert same(expected, run(Training(spikes, resume=first.checkpoint())))


def residual(learner: Learner, key: np.uint64) -> np.ndarray:
    return covariance.residual(
        learner.active,
        learner.fields,
        learner.hidden.units(),
        learner.frames,
        learner.backend,
        key,
    )


def test_what_an_assembly_does_beyond_the_model_is_left_over(planted):
    """Without one member's weight, its covariance with the assembly is left, and little else."""
    spikes, membership = planted
    with kernel_threads():
        training = Training(spikes, SETTINGS)
        run(training)
        learner = training.learner
        assert isinstance(learner, Learner) and learner.backend is NUMBA
        weights = learner.active.dense()
        unit = int(np.abs(weights)[membership[:, 0]].mean(axis=0).argmax())
        member = int(np.flatnonzero(membership[:, 0])[0])
        whole = residual(learner, np.uint64(5))
        weights[member, unit] = 0
        learner.active = NUMBA.active_set(
            weights.copy(), np.zeros_like(weights), learner.active.roles
        )
        left = residual(learner, np.uint64(5))
    error = np.sqrt(spikes.mean_activity[member] / spikes.n_frames)
    assert abs(whole[member, unit]) < 4 * error < abs(left[member, unit])
    others = np.arange(spikes.n_neurons) != member
    assert np.abs(left - whole)[others, unit].max() < 4 * error
