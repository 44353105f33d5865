from types import SimpleNamespace

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import Settings, Training, duration, measure_pace
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.training import time_estimate
from napari_crbm.model.training.learner import Learner
from tests.conftest import planted_raster


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves with the work: 0.1 s to prepare, and 1 us per weight of an update."""
    clock = SimpleNamespace(now=0.0)
    starting, step = Learner.starting.__func__, Learner.step

    def timed_start(cls, spikes, *rest):
        clock.now += 0.1 * spikes.n_neurons / 300
        return (yield from starting(cls, spikes, *rest))

    def timed_step(learner, *rest):
        clock.now += 1e-3 + 1e-6 * np.count_nonzero(learner.active.roles != SILENT)
        return step(learner, *rest)

    monkeypatch.setattr(Learner, "starting", classmethod(timed_start))
    monkeypatch.setattr(Learner, "step", timed_step)
    monkeypatch.setattr(time_estimate, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


@pytest.mark.parametrize("n_measured", [3000, 120])
def test_the_estimate_is_near_the_time_training_takes(monkeypatch, clock, n_measured):
    """Measured on all neurons, or on fewer and scaled up."""
    spikes, _ = planted_raster(n_frames=500)
    monkeypatch.setattr(time_estimate, "_NEURONS", n_measured)
    settings = Settings(n_hidden=6, n_updates=150, n_chains=30, gibbs_steps=1, random_state=1)
    expected = measure_pace(spikes, settings).total(settings.n_updates)
    begun = clock.now
    for _ in Training(spikes, settings):
        pass
    taken = clock.now - begun
    assert 0.5 < expected / taken < 2


def test_twice_the_updates_take_longer_than_once(planted):
    pace = measure_pace(planted[0], Settings())
    assert pace.preparing > 0
    assert pace.total(200) - pace.total(100) == pytest.approx(100 * pace.update)


def test_senseless_settings_are_refused(planted):
    with pytest.raises(ModelError, match="hidden units"):
        measure_pace(planted[0], Settings(n_hidden=10_000))


@pytest.mark.parametrize(
    ("seconds", "words"), [(12.3, "12 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
