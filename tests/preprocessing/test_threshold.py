from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing import activity_warning, binarise, events, noise_sd
from napari_crbm.spikes import Spikes


def calcium(n_frames=3000, n_neurons=60, rate=0.03, size=8.0, decay=0.9, seed=0):
    """Transients of ``size`` noise standard deviations that decay exponentially."""
    generator = np.random.default_rng(seed)
    spikes = generator.random((n_frames, n_neurons)) < rate
    spikes[0] = False
    trace = np.zeros((n_frames, n_neurons))
    for t in range(1, n_frames):
        trace[t] = decay * trace[t - 1] + size * spikes[t]
    noise = generator.normal(size=trace.shape)
    return spikes, (trace + noise).astype(np.float32)


def test_noise_is_measured_in_spite_of_transients():
    _, fluorescence = calcium()
    np.testing.assert_allclose(noise_sd(fluorescence), 1, atol=0.2)
    np.testing.assert_allclose(
        noise_sd(5 * fluorescence + 100), 5 * noise_sd(fluorescence), rtol=1e-3
    )


def test_onsets_are_found_and_decays_are_not():
    spikes, fluorescence = calcium()
    found = events(fluorescence, 3.0)
    hits = (found & spikes).sum()
    assert hits > 0.85 * spikes.sum()
    assert hits > 0.85 * found.sum()


def test_a_transient_is_one_event_at_its_onset():
    trace = np.random.default_rng(0).normal(0, 0.01, (50, 1)).astype(np.float32)
    trace[20:30, 0] += 5 * 0.8 ** np.arange(10)
    assert np.flatnonzero(events(trace, 4.0)[:, 0]).tolist() == [20]


def test_events_do_not_depend_on_scale_and_baseline():
    # Powers of two, so that nothing is lost to rounding.
    fluorescence = np.round(calcium(seed=1)[1] * 64) / 64
    np.testing.assert_array_equal(events(fluorescence), events(fluorescence * 4 + 16))


def test_a_higher_threshold_keeps_a_subset():
    _, fluorescence = calcium()
    low, high = events(fluorescence, 2.0), events(fluorescence, 4.0)
    assert 0 < high.sum() < low.sum()
    assert not (high & ~low).any()


def test_silent_and_missing_neurons_have_no_events():
    _, fluorescence = calcium(n_neurons=4)
    expected = events(fluorescence)
    fluorescence[:, 0] = 3.0
    fluorescence[:, 1] = np.nan
    found = events(fluorescence)
    assert not found[:, :2].any()
    np.testing.assert_array_equal(found[:, 2:], expected[:, 2:])


def test_a_gap_hides_events_only_where_it_is():
    _, fluorescence = calcium(n_neurons=3)
    expected = events(fluorescence)
    fluorescence[100:110, 0] = np.nan
    found = events(fluorescence)
    assert not found[100:111, 0].any()
    outside = np.r_[0:100, 111 : len(found)]
    assert (found[outside, 0] == expected[outside, 0]).mean() > 0.995


def test_blocks_give_what_the_whole_gives():
    _, fluorescence = calcium(n_frames=300, n_neurons=21)
    blocks = (fluorescence[:, start : start + 5] for start in range(0, 21, 5))
    spikes = binarise(blocks, 300, 21, 2.5)
    assert spikes == Spikes.from_dense(events(fluorescence, 2.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: events(f, 0), "must be positive"),
        (lambda f: events(f, np.nan), "must be positive"),
        (lambda f: events(f[:1]), "two frames"),
        (lambda f: events(f[:, 0]), "frames, neurons"),
        (lambda f: binarise([f], 49, 5), "does not fit"),
        (lambda f: binarise([f, f], 50, 9), "does not fit"),
        (lambda f: binarise([f], 50, 9), "covers 250 of"),
    ],
)
def test_misuse_is_named(call, message):
    fluorescence = calcium(n_frames=50, n_neurons=5)[1]
    with pytest.raises(RecordingError, match=message):
        call(fluorescence)


def test_unusual_activity_is_told():
    generator = np.random.default_rng(0)
    raster = generator.random((400, 50))
    assert activity_warning(Spikes.from_dense(raster < 0.04)) is None
    assert "lower the threshold" in activity_warning(Spikes.from_dense(raster < 0.001))
    assert "raise the threshold" in activity_warning(Spikes.from_dense(raster < 0.4))


def test_noise_that_is_zero_is_undefined():
    rng = np.random.default_rng(0)
    traces = rng.normal(size=(200, 4)).astype(np.float32)
    traces[:, 1] = 3.0
    traces[:, 2] = np.nan
    traces[:, 3] = 0
    traces[50, 3] = 5
    noise = noise_sd(traces)
    assert noise[0] > 0 and np.isnan(noise[1:]).all()
    assert not events(traces, 2.0)[:, 1:].any()
    with pytest.warns(UserWarning, match="2 of 4 neurons have constant or missing fluorescence"):
        binarise(iter([traces]), 200, 4, 2.0)


def test_traces_without_frames_are_flat():
    from napari_crbm.preprocessing.threshold import is_flat

    assert is_flat(np.empty((0, 3), np.float32)).tolist() == [True] * 3
