"""Trainings of temporal models: the same on any number of threads and after a pause, and files."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from napari_crbm.errors import FormatError, ModelError, SettingError
from napari_crbm.io import load_checkpoint, load_temporal, save_checkpoint, save_temporal
from napari_crbm.model import Control
from napari_crbm.model.sampling.chains import draw_after
from napari_crbm.temporal import (
    TemporalModel,
    TemporalSettings,
    TemporalTraining,
    continued,
    forecast,
)
from napari_crbm.temporal.frames import divide
from napari_crbm.temporal.lags import frames_with_past
from napari_crbm.temporal.validation import chosen

SHORT = TemporalSettings(longest_lag_s=1.0, n_passes=4, n_threads=1)


def trained(model, recording, settings=SHORT, **more) -> TemporalTraining:
    training = TemporalTraining(model, recording, settings, **more)
    for _ in training:
        pass
    return training


@pytest.fixture(scope="module")
def training(static, coupled):
    return trained(static, coupled)


def same(first: TemporalModel, second: TemporalModel) -> bool:
    return (
        np.array_equal(first.couplings, second.couplings)
        and np.array_equal(first.shift, second.shift)
        and np.array_equal(first.fields, second.fields)
        and all(np.array_equal(first.history[k], second.history[k]) for k in first.history)
    )


def test_a_training_ends_and_records_each_penalty(training):
    assert training.finished
    history = training.history
    assert history["penalty"][0] == np.inf and history["n_couplings"][0] == 0
    assert (np.diff(history["penalty"]) < 0).all()
    assert np.isfinite(history["validation_gain"]).all()
    model = training.model()
    assert model.couplings.shape == (3, 4, 4) and model.n_lags == 4
    assert model.settings.penalty in ("auto", *history["penalty"])
    assert np.diagonal(model.couplings, axis1=1, axis2=2).any()


def test_weights_and_units_are_those_of_the_model_without_time(training, static):
    model = training.model()
    assert np.array_equal(model.rbm.weights, static.weights_)
    assert np.array_equal(model.rbm.fields, static.fields_)
    assert all(map(np.array_equal, model.rbm.hidden, static.hidden_))


def test_two_threads_give_the_same_bits(training, static, coupled):
    other = trained(static, coupled, replace(SHORT, n_threads=2))
    assert same(training.model(), other.model())


@pytest.mark.parametrize("passes", [2, 4, 7])
def test_a_resumed_training_gives_the_same_bits(training, static, coupled, tmp_path, passes):
    control = Control()
    first = TemporalTraining(static, coupled, SHORT, control=control)
    for progress in first:
        if progress.done == passes:
            control.stop()
    assert not first.finished and progress.phase == "stopped"
    file = save_checkpoint(first.checkpoint(), tmp_path / "half.h5", "temporal-checkpoint")
    state = load_checkpoint(file, "temporal-checkpoint")
    second = trained(static, coupled, TemporalSettings(n_threads=2), resume=state)
    assert same(training.model(), second.model())


def test_a_paused_training_waits(static, coupled):
    control = Control()
    control.pause()
    steps = iter(TemporalTraining(static, coupled, SHORT, control=control))
    assert next(steps).phase == "paused"
    control.resume()
    assert next(steps).phase == "training"


def test_a_checkpoint_of_another_recording_is_refused(training, static, coupled):
    state = training.checkpoint()
    other = replace(coupled, spikes=coupled.spikes.select_frames(np.arange(900)[::-1]))
    with pytest.raises(ModelError, match="belongs to another recording"):
        TemporalTraining(static, other, resume=state)
    with pytest.raises(ModelError, match="continues version"):
        TemporalTraining(static, coupled, resume=state | {"version": 99})


def test_a_fixed_penalty_is_used_as_it_is(static, coupled):
    training = trained(static, coupled, replace(SHORT, penalty=1e6))
    assert training.history["penalty"].tolist() == [np.inf, 1e6]
    assert training.history["n_couplings"].tolist() == [0, 0]
    assert len(training.split["validation"]) == 0


def test_there_is_no_model_before_the_first_penalty(static, coupled):
    with pytest.raises(ModelError, match="no result yet"):
        TemporalTraining(static, coupled, SHORT).model()


def test_settings_are_checked():
    with pytest.raises(SettingError, match="longest_lag_s must be a positive number"):
        TemporalSettings(longest_lag_s=0)
    with pytest.raises(SettingError, match="penalty must be 'auto' or a number"):
        TemporalSettings(penalty=-1)


def test_the_simplest_model_within_one_standard_error_is_chosen():
    noise = np.random.default_rng(0).normal(0, 1, 200)
    alternating = np.resize([0.1, -0.1], 200)
    gains = [noise, noise + 1 - 0.001 + alternating, noise + 1, noise - 1]
    assert chosen(gains) == 2
    gains[1] = noise + 1 - 0.001 + np.repeat(alternating[:10], 20)
    assert chosen(gains) == 1
    assert chosen(gains[:1]) == 0


# --- segments and parts ---------------------------------------------------------------------


def test_the_past_of_a_frame_crosses_neither_segment_nor_part(coupled):
    numbers = replace(coupled, boundaries=(300,)).frame_numbers
    part = np.concatenate([np.arange(0, 400), np.arange(500, 600)])
    found = frames_with_past(part, numbers, 4)
    gone = np.setdiff1d(part, found)
    assert gone.tolist() == [*range(4), *range(300, 304), *range(500, 504)]


def test_validation_frames_are_apart_from_training_frames(static, coupled):
    found = divide(static.split_, coupled.frame_numbers, 4)
    assert not np.intersect1d(found["train"], found["validation"]).size
    distance = np.abs(found["train"][:, None] - found["validation"]).min()
    assert distance > 4
    assert set(found["train"]) <= set(static.split_["train"])


def test_what_lies_in_another_segment_has_no_influence(training, coupled):
    numbers = replace(coupled, boundaries=(450,)).frame_numbers
    frames = frames_with_past(np.arange(900), numbers, 4)
    model, activity = training.model(), np.random.default_rng(0).normal(size=(900, 4))
    before = model.drive_of(activity)[frames[frames >= 450]]
    activity[:450] = 0
    assert np.array_equal(model.drive_of(activity)[frames[frames >= 450]], before)


def test_too_short_segments_are_refused(static, coupled):
    cut = replace(coupled, boundaries=tuple(range(5, 900, 5)))
    with pytest.raises(ModelError, match="Choose a shorter longest lag"):
        TemporalTraining(static, cut, replace(SHORT, longest_lag_s=2.0))


# --- files ----------------------------------------------------------------------------------


def test_a_file_holds_the_model_to_the_bit(training, tmp_path):
    model = training.model()
    loaded = load_temporal(save_temporal(model, tmp_path / "temporal.h5"))
    assert same(model, loaded)
    assert loaded.settings == model.settings
    assert loaded.recording_fingerprint == model.recording_fingerprint
    assert all(np.array_equal(model.split[k], loaded.split[k]) for k in model.split)
    assert np.array_equal(loaded.by_lag, model.by_lag)


def test_damaged_files_are_refused_in_words(training, tmp_path):
    path = save_temporal(training.model(), tmp_path / "temporal.h5")
    with h5py.File(path, "r+") as file:
        del file["couplings"]
        file["couplings"] = np.zeros((1, 2, 2))
    with pytest.raises(ModelError, match=r"temporal.h5: The couplings .* must have shape"):
        load_temporal(path)
    with h5py.File(path, "r+") as file:
        file.attrs["frame_interval_s"] = -1.0
    with pytest.raises(FormatError, match="frame_interval_s"):
        load_temporal(path)


# --- forecasts ------------------------------------------------------------------------------


def test_forecasts_do_not_depend_on_threads_or_on_what_follows(training, coupled):
    model = training.model()
    starts = np.array([100, 200, 300])
    forecasts = [
        forecast(replace(model, rbm=replace(model.rbm, n_threads=n)), spikes, starts, [1, 3])
        for n, spikes in (
            (1, coupled.spikes),
            (2, coupled.spikes),
            (1, coupled.spikes.select_frames(np.arange(301))),
        )
    ]
    for other in forecasts[1:]:
        assert np.array_equal(forecasts[0].probability, other.probability)
        assert np.array_equal(forecasts[0].activity, other.activity)
    assert forecasts[0].probability.shape == (2, 3, 120)
    assert (forecasts[0].probability > 0).all() and (forecasts[0].probability < 1).all()


def test_without_couplings_the_forecast_is_the_mean_of_the_model_without_time(
    training, static, coupled
):
    model = training.model()
    empty = replace(
        model,
        couplings=np.zeros_like(model.couplings),
        shift=np.zeros(4),
        fields=model.rbm.fields,
    )
    starts = np.arange(100, 400, 10)
    found = forecast(empty, coupled.spikes, starts, [4])
    rate = static.sample(8000, n_chains=400, burn_in=100, thin=5).mean_activity
    assert found.probability[0].mean(axis=0) == pytest.approx(rate, abs=0.02)
    # It does not depend on the past.
    assert found.probability[0].std(axis=0).mean() < 0.03


@pytest.mark.parametrize(
    ("starts", "horizons", "sentence"),
    [([1], [1], "Forecasts start from frames 3 to 899"), ([100], [0], "Horizons are frames ahead")],
)
def test_impossible_forecasts_are_refused(training, coupled, starts, horizons, sentence):
    with pytest.raises(ModelError, match=sentence):
        forecast(training.model(), coupled.spikes, np.array(starts), horizons)


def test_a_continuation_without_couplings_is_activity_of_the_model_without_time(training, coupled):
    model = training.model()
    model = replace(
        model,
        couplings=0 * model.couplings,
        shift=0 * model.shift,
        fields=model.rbm.fields,
    )
    one, two, other = (
        continued(model, coupled.spikes, 300, 150, random_state=seed) for seed in (0, 0, 1)
    )
    assert one.n_frames == 150 and one.n_neurons == coupled.n_neurons
    assert np.array_equal(one.dense(), two.dense())
    assert not np.array_equal(one.dense(), other.dense())
    drawn = draw_after(model.rbm, 2000, n_chains=400, burn_in=300, thin=50, start=coupled.spikes)
    assert one.dense().mean() == pytest.approx(drawn.dense().mean(), rel=0.3)
    with pytest.raises(ModelError, match="start from frames 3 to 899"):
        continued(model, coupled.spikes, 1, 5)
