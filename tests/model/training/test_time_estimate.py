import time

import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import Settings, Training, duration, measure_pace
from napari_crbm.model.compute import model_size
from napari_crbm.model.training.compile_ahead import compile_ahead


@pytest.mark.parametrize("large", [False, True])
def test_the_estimate_is_near_the_time_training_takes(planted, monkeypatch, large):
    spikes, _ = planted
    if large:
        monkeypatch.setattr(model_size, "FEW", 0)
    compile_ahead()
    settings = Settings(n_hidden=6, n_updates=150, random_state=1)
    expected = measure_pace(spikes, settings).total(settings.n_updates)
    # Other work on the machine may hold one of them up.
    taken = min(seconds_of(Training(spikes, settings)) for _ in range(2))
    assert 0.3 < expected / taken < 3


def seconds_of(training):
    started = time.perf_counter()
    for _ in training:
        pass
    return time.perf_counter() - started


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
