"""The shift test keeps its false positive rate, finds what follows, and respects segments."""

import numpy as np
import pytest
from scipy.signal import lfilter

from napari_crbm.analysis.courses.course import known_stretches
from napari_crbm.analysis.courses.shifts import Places, shifted_correlation
from napari_crbm.simulation.common_gain import smooth_noise

N_FRAMES, N_UNITS, WINDOW = 1500, 60, 150
WHOLE = [(0, N_FRAMES)]


def lasting(rng, n_units, frames=8.0):
    memory = np.exp(-1 / frames)
    return lfilter([1], [1, -memory], rng.normal(size=(N_FRAMES, n_units)), axis=0)


def drifting(rng, n_units):
    return smooth_noise((N_FRAMES, n_units), N_FRAMES / 8, rng) + lasting(rng, n_units) / 3


def switching(rng, n_units):
    state, out = rng.random(n_units) < 0.06, np.empty((N_FRAMES, n_units))
    for frame in range(N_FRAMES):
        out[frame] = state
        state = state ^ (rng.random(n_units) < np.where(state, 1 / 12, 0.06 / 0.94 / 12))
    return out


def periodic(rng, _n_units):
    return ((np.arange(N_FRAMES)[:, None] + rng.integers(200)) % 200 < 20).astype(float)


def p_values(course, activity, reach=0, seed=0, n_shuffles=199):
    places = Places.of(WHOLE, WINDOW, reach, 20)
    lags = np.arange(-reach, reach + 1, 4)
    return shifted_correlation(
        activity, course, places, lags, n_shuffles=n_shuffles, random_state=seed
    )


@pytest.mark.parametrize("reach", [0, 20])
@pytest.mark.parametrize(
    ("course", "activity"),
    [(lasting, lasting), (drifting, drifting), (switching, switching), (periodic, switching)],
    ids=["lasting", "drifting", "switching", "periodic"],
)
def test_independent_courses_are_rarely_followed(course, activity, reach):
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        result = p_values(course(rng, 1)[:, 0], activity(rng, N_UNITS), reach, seed)
        found.append(result.p < 0.05)
    # 600 tests share ten courses: 5 % within three standard errors over courses.
    assert np.mean(found) < 0.08


def test_shifts_without_windows_would_take_drift_for_tuning():
    # The comparison that this module avoids: plain circular shifts of drifting courses.
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        course, activity = drifting(rng, 1)[:, 0], drifting(rng, N_UNITS)
        z = (activity - activity.mean(0)) / activity.std(0)
        shifts = rng.integers(20, N_FRAMES - 20, 199)
        r = np.abs([np.roll(course, by) @ z for by in [0, *shifts]])
        found.append((1 + (r[1:] >= r[0]).sum(0)) / 200 < 0.05)
    assert np.mean(found) > 0.08


def test_units_that_follow_are_found_with_their_lag_and_sign():
    rng = np.random.default_rng(0)
    course, activity = lasting(rng, 1)[:, 0], lasting(rng, 30)
    activity[:, 3] += 0.5 * np.roll(course, 8)
    activity[:, 5] -= 0.5 * np.roll(course, -4)
    result = p_values(course, activity, reach=12, n_shuffles=1999)
    assert result.lag[3] == 8 and result.lag[5] == -4
    assert result.r[3] > 0.3 and result.r[5] < -0.3
    assert result.p[[3, 5]].max() == pytest.approx(1 / 2000)
    others = np.delete(result.p, [3, 5])
    assert others.min() > 1 / 2000


def test_a_periodic_stimulus_is_followed():
    rng = np.random.default_rng(1)
    course, activity = periodic(rng, 1)[:, 0], switching(rng, 10)
    responds = rng.random(N_FRAMES) < 0.6
    activity[:, 0] = np.maximum(activity[:, 0], course * responds)
    assert p_values(course, activity, n_shuffles=1999).p[0] < 0.005


def test_a_shared_trend_is_not_followed():
    rng = np.random.default_rng(2)
    trend = np.linspace(0, 5, N_FRAMES)
    result = p_values(trend + lasting(rng, 1)[:, 0], trend[:, None] + lasting(rng, 40))
    assert np.abs(result.r).max() < 0.3
    assert (result.p < 0.05).mean() < 0.2


def test_correlation_is_pearsons_about_linear_trends():
    rng = np.random.default_rng(3)
    course, activity = lasting(rng, 1)[:, 0], lasting(rng, 2)
    places = Places(((100, 400),), (np.arange(500, 900),))
    result = shifted_correlation(activity, course, places, np.array([6]), n_shuffles=9)
    time = np.arange(300)
    a = activity[100:400, 0] - np.polyval(np.polyfit(time, activity[100:400, 0], 1), time)
    c = course[94:394] - np.polyval(np.polyfit(time, course[94:394], 1), time)
    assert result.r[0] == pytest.approx(np.corrcoef(a, c)[0, 1], abs=1e-5)


def test_windows_and_stretches_stay_within_segments():
    segments = [(0, 400), (400, 460), (460, 1500)]
    reach = 10
    places = Places.of(segments, 100, reach, 20)
    border = np.array([first for first, _ in segments[1:]])
    for (first, last), others in zip(places.windows, places.elsewhere, strict=True):
        assert np.abs(others - first).min() > 20
        for start in (first, *others.tolist()):
            touched = (border > start - reach) & (border < start + last - first + reach)
            assert not touched.any()
    assert any(400 <= first < 460 for first, _ in places.windows)


def test_unknown_frames_end_a_stretch_and_short_gaps_are_filled():
    values = np.arange(20.0)
    values[[3, 4, 9, 10, 11, 12, 13, 14]] = np.nan
    filled, stretches = known_stretches(values, [(0, 18), (18, 20)])
    assert stretches == [(0, 9), (15, 18), (18, 20)]
    np.testing.assert_allclose(filled[:9], np.arange(9))


def test_units_that_do_not_vary_have_no_value():
    rng = np.random.default_rng(4)
    activity = lasting(rng, 3)
    activity[:, 1] = 2.0
    result = p_values(lasting(rng, 1)[:, 0], activity)
    assert np.isnan([result.r[1], result.p[1]]).all()
    assert np.isfinite(result.p[[0, 2]]).all()


def test_the_same_seed_gives_the_same_p_values_in_any_portions(monkeypatch):
    rng = np.random.default_rng(5)
    course, activity = lasting(rng, 1)[:, 0], lasting(rng, 7)
    whole = p_values(course, activity, reach=8)
    monkeypatch.setattr("napari_crbm.analysis.courses.shifts._AT_ONCE", 1)
    parts = p_values(course, activity, reach=8)
    np.testing.assert_array_equal(whole.p, parts.p)
