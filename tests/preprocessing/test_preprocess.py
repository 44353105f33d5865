"""Preprocessing against brute force and planted spikes."""

import json

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.errors import RecordingError
from napari_crbm.io import open_recording, save_recording
from napari_crbm.preprocessing import (
    PreprocessingStopped,
    Steps,
    above_baseline,
    deconvolve,
    preprocess,
    running_percentile,
    signal_to_noise,
    stages,
    steps_of,
    zscore,
)
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.simulation.fluorescence import FluorescenceSimulator, MemoryFluorescence
from napari_crbm.spikes import Spikes

RATE = 4.0


def planted(n_frames=1500, n_neurons=40, rate=0.03, seed=0):
    generator = np.random.default_rng(seed)
    spikes = generator.random((n_frames, n_neurons)) < rate
    spikes[0] = False
    dff = FluorescenceSimulator(n_neurons, RATE, seed).block(spikes.astype(np.uint8))
    return spikes, dff


def recording_of(spikes, dff):
    n_frames, n_neurons = spikes.shape
    return Recording(
        coordinates=np.arange(3 * n_neurons).reshape(-1, 3),
        spikes=Spikes.from_dense(spikes),
        times=10 + np.arange(n_frames) / RATE,
        fluorescence=MemoryFluorescence(dff),
        regions=Regions.from_dense(np.arange(n_neurons)[:, None] % 2 == [0, 1], ["even", "odd"]),
        traces={"motion": (np.arange(n_frames) % 100 == 50).astype(float)},
    )


@pytest.fixture(scope="module")
def recording():
    return recording_of(*planted())


def f_score(found, truth):
    """Harmonic mean of precision and recall; a spike may be found one frame off."""

    def widened(raster):
        wide = raster.copy()
        wide[1:] |= raster[:-1]
        wide[:-1] |= raster[1:]
        return wide

    precision = (found & widened(truth)).sum() / max(found.sum(), 1)
    recall = (truth & widened(found)).sum() / truth.sum()
    return 2 * precision * recall / max(precision + recall, 1e-9)


def brute_percentile(values, window, percentile):
    half = window // 2
    return np.array(
        [
            np.nanpercentile(values[max(0, t - half) : t + half + 1], percentile, axis=0)
            for t in range(len(values))
        ]
    )


@pytest.mark.parametrize("window", [1, 2, 7, 40, 500])
@pytest.mark.parametrize("percentile", [0, 8, 50, 100])
def test_running_percentile_is_the_plain_one(window, percentile):
    values = np.random.default_rng(1).normal(size=(60, 3))
    expected = brute_percentile(values.astype(np.float32).astype(float), window, percentile)
    found = running_percentile(values, window, percentile, every=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_missing_values_are_left_out_of_the_percentile():
    values = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    values[::7, 0] = np.nan
    found = running_percentile(values, 15, 20, every=1)
    np.testing.assert_allclose(found, brute_percentile(values.astype(float), 15, 20), atol=1e-6)


def test_fewer_windows_follow_the_plain_percentile_within_a_fraction_of_the_noise():
    _, dff = planted(n_neurons=5)
    drift = np.linspace(0, 3, len(dff))[:, None] ** 2
    plain = running_percentile(dff + drift, 240, every=1)
    quick = running_percentile(dff + drift, 240)
    np.testing.assert_array_equal(quick[::30], plain[::30])
    assert np.abs(quick - plain).mean() < 0.25 * 0.2  # the simulated noise is 0.2


def test_dff_of_raw_intensities_is_what_they_were_made_from():
    _, dff = planted(n_neurons=4)
    level = np.float32(500.0)
    raw = 100 + level * (1 + dff)
    found = above_baseline(raw, np.full_like(raw, 100 + level), raw=True, background=100)
    np.testing.assert_allclose(found, dff, atol=1e-5)
    assert np.isnan(above_baseline(raw, np.full_like(raw, 90), raw=True, background=100)).all()


@pytest.mark.parametrize(("method", "least"), [("deconvolution", 0.85), ("events", 0.7)])
def test_planted_spikes_are_recovered_through_drift(method, least):
    truth, dff = planted(n_frames=3000, n_neurons=30)
    drift = np.sin(np.arange(len(dff)) / 800)[:, None].astype(np.float32)
    active = stages(dff + drift, RATE, Steps(baseline_s=120, method=method)).active
    score = f_score(active, truth)
    assert score > least, score
    assert f_score(np.roll(active, 100, axis=0), truth) < 0.3


def test_deconvolution_knows_no_unit_and_no_offset():
    _, dff = planted(n_neurons=3)
    spikes = deconvolve(dff, RATE)
    np.testing.assert_allclose(deconvolve(100 * dff + 7, RATE), spikes, atol=0.02)
    assert not deconvolve(np.full((50, 1), np.nan, np.float32), RATE).any()
    assert not deconvolve(np.ones((50, 1), np.float32), RATE).any()


def test_zscore_and_level():
    values = np.random.default_rng(2).normal(3, 5, size=(400, 3))
    np.testing.assert_allclose(zscore(values), (values - values.mean(0)) / values.std(0), atol=1e-5)
    values[3, 0] = np.nan
    values[:, 1] = 1
    score = zscore(values)
    assert np.isnan(score[3, 0]) and np.isnan(score[:, 1]).all()
    assert np.isclose(np.nanstd(score[:, 0]), 1, atol=1e-5)
    level = stages(values, RATE, Steps(method="level", threshold=4.0)).active
    np.testing.assert_array_equal(level, values.astype(np.float32) > 4)


def test_quality_tells_signal_from_noise():
    _, dff = planted(n_neurons=5)
    noise = np.random.default_rng(0).normal(size=dff.shape)
    assert signal_to_noise(noise).max() < 3 < signal_to_noise(dff).min()


def test_streaming_equals_the_whole_at_once(recording, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_crbm.preprocessing.streaming._BLOCK_VALUES", 7 * recording.n_frames)
    steps = Steps(baseline_s=30, burn_in_s=5.1, threshold=2.0)
    told = []
    one = preprocess(recording, steps, n_threads=1, progress=lambda *done: told.append(done))
    path = tmp_path / "fish.h5"
    save_recording(recording, path)
    dff = recording.fluorescence.values
    whole = stages(dff[21:], RATE, steps).active
    np.testing.assert_array_equal(one.spikes.dense(), whole)
    assert preprocess(recording, steps, n_threads=3).spikes == one.spikes
    assert told[-1] == (40, 40) and len(told) == 6
    stored = open_recording(path)
    whole = stages(stored.fluorescence.frames(21, 1500), RATE, steps).active
    np.testing.assert_array_equal(preprocess(stored, steps).spikes.dense(), whole)


def test_what_is_left_out_is_counted_and_the_rest_unchanged(recording):
    steps = Steps(
        method="keep",
        burn_in_s=10,
        motion_trace="motion",
        motion_above=0.5,
        drop_frames=((45, 60), (1499, 1499)),
        regions=("odd",),
        min_activity=0.025,
    )
    result = preprocess(recording, steps)
    frames = np.array(
        [t for t in range(40, 1500) if t % 100 != 50 and not 45 <= t <= 60 and t != 1499]
    )
    dense = recording.spikes.dense()[frames]
    neurons = np.array([i for i in range(1, 40, 2) if dense[:, i].mean() >= 0.025])
    np.testing.assert_array_equal(result.spikes.dense(), dense[:, neurons])
    np.testing.assert_array_equal(result.times, recording.times[frames])
    np.testing.assert_array_equal(result.coordinates, recording.coordinates[neurons])
    values = recording.fluorescence.values[frames][:, neurons]
    np.testing.assert_array_equal(result.fluorescence.frames(3, 90), values[3:90])
    np.testing.assert_array_equal(result.fluorescence.trace(2), values[:, 2])
    dropped = result.provenance[-1].parameters["dropped"]
    assert recording.n_frames - result.n_frames == sum(
        count for what, count in dropped.items() if what.startswith("frames")
    )
    assert recording.n_neurons - result.n_neurons == sum(
        count for what, count in dropped.items() if what.startswith("neurons")
    )
    assert dropped["frames_burn_in"] == 40 and dropped["neurons_outside_regions"] == 20


def test_provenance_repeats_it_from_a_file(recording, tmp_path):
    steps = Steps(baseline_s=60, method="zscore", regions=("odd",), drop_frames=((3, 5),))
    result = preprocess(recording, steps)
    save_recording(result, tmp_path / "out.h5")
    again = open_recording(tmp_path / "out.h5")
    assert steps_of(again) == steps
    assert Steps.from_dict(json.loads(json.dumps(steps.as_dict()))) == steps
    assert preprocess(recording, steps_of(again)).fingerprint == again.fingerprint
    with pytest.raises(RecordingError, match="no preprocessing"):
        steps_of(recording)
    with pytest.raises(RecordingError, match="no setting wrong"):
        Steps.from_dict({"wrong": 1})


def test_cancelling(recording):
    class Stopped:
        stopped = True

    with pytest.raises(PreprocessingStopped):
        preprocess(recording, Steps(), control=Stopped())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guess"}, "method must be 'events', 'deconvolution', .*; found 'guess'"),
        ({"baseline_s": -1.0}, r"baseline_s must be a positive number \(s\); found -1.0"),
        ({"raw": True}, "baseline window"),
        ({"threshold": 0.0}, "threshold"),
        ({"min_activity": 0.5, "max_activity": 0.1}, "min_activity must be less than max_activity"),
        ({"burn_in_s": 1e4}, "leaves fewer than two frames"),
        ({"regions": ("nowhere",)}, "no region 'nowhere'"),
        ({"motion_trace": "tail"}, "no trace 'tail'"),
        ({"drop_frames": ((0, 1500),)}, "the last frame is 1499"),
        ({"min_snr": 1e6}, "none of 40 neurons"),
    ],
)
def test_settings_that_make_no_sense_are_named(recording, changes, message):
    with pytest.raises(RecordingError, match=message):
        preprocess(recording, Steps(**changes))


def test_command(recording, tmp_path):
    path, out, again = (tmp_path / name for name in ("in.h5", "out.h5", "again.h5"))
    save_recording(recording, path)
    options = ["--baseline", "60", "--deconvolve", "--threshold", "3", "--drop-frames", "10-19"]
    ran = CliRunner().invoke(app, ["preprocess", str(path), str(out), *options])
    assert ran.exit_code == 0, ran.output
    result = open_recording(out)
    steps = Steps(baseline_s=60, method="deconvolution", threshold=3, drop_frames=((10, 19),))
    assert steps_of(result) == steps
    assert result.n_frames == 1490
    ran = CliRunner().invoke(app, ["preprocess", str(path), str(again), "--steps-from", str(out)])
    assert ran.exit_code == 0, ran.output
    with h5py.File(out) as one, h5py.File(again) as other:
        np.testing.assert_array_equal(one["spikes"][()], other["spikes"][()])
    ran = CliRunner().invoke(
        app, ["preprocess", str(path), str(again), "--force", "--zscore", "--level"]
    )
    assert ran.exit_code == 2
