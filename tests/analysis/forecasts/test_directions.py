"""Directed couplings between courses of which the truth is known."""

import numpy as np
import pytest

from napari_crbm.analysis.forecasts.directions import couple, without_decay
from napari_crbm.analysis.forecasts.tables import direction_table
from napari_crbm.errors import ModelError
from napari_crbm.temporal.lags import lag_functions

INTERVAL, FUNCTIONS = 0.25, lag_functions(8, 3)


def courses(seed, coupling=0.0, back=0.0, n_frames=2400, n_units=5, delay=3):
    """Lasting courses; the first drives the second ``delay`` frames later."""
    rng = np.random.default_rng(seed)
    out = np.zeros((n_frames, n_units))
    for frame in range(delay, n_frames):
        out[frame] = 0.7 * out[frame - 1] + rng.normal(size=n_units)
        out[frame, 1] += coupling * out[frame - delay, 0]
        out[frame, 0] += back * out[frame - delay, 1]
    return out


def found(values, **more):
    return couple(values, np.arange(len(values)), FUNCTIONS, INTERVAL, **more)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_direction_is_found_with_its_sign_and_lag(sign):
    result = found(courses(0, coupling=0.35 * sign))
    assert result.directed[1, 0] and result.directed.sum() == 1
    assert np.sign(result.total[1, 0]) == sign and result.stable[1, 0]
    first = direction_table(result).iloc[0]
    assert (first["source"], first["target"]) == (0, 1) and first["directed"]
    assert 0.25 <= first["peak_lag_s"] <= 1.25
    assert "1 in one direction" in result.sentences[0]


def test_courses_that_drive_each_other_have_no_direction():
    result = found(courses(1, coupling=0.2, back=0.2))
    assert result.coupled[1, 0] and result.coupled[0, 1]
    assert not result.directed.any()
    assert "1 pair both ways" in result.sentences[0]


def test_independent_courses_have_p_values_of_chance():
    p = np.concatenate([found(courses(seed)).p.ravel() for seed in range(10, 22)])
    p = p[np.isfinite(p)]
    assert 0.02 < (p < 0.05).mean() < 0.09
    assert 0.4 < p.mean() < 0.6


def test_an_indirect_path_is_no_coupling():
    rng = np.random.default_rng(3)
    values = courses(2, coupling=0.4)
    for frame in range(3, len(values)):
        values[frame, 2] = 0.7 * values[frame - 1, 2] + 0.4 * values[frame - 3, 1] + rng.normal()
    result = found(values)
    assert result.coupled[1, 0] and result.coupled[2, 1] and not result.coupled[2, 0]


def test_a_shared_slow_drift_is_no_coupling():
    drift = np.sin(2 * np.pi * 1.5 * np.arange(2400) / 2400)[:, None]
    assert not found(courses(4) + 3 * drift).coupled.any()


def test_no_coupling_reaches_across_a_gap():
    values = courses(5)
    # Segments of 200 frames: the start of each repeats the end of the one before.
    numbers = np.arange(len(values)) + 100 * (np.arange(len(values)) // 200)
    for start in range(200, len(values), 200):
        values[start : start + 8, 1] = 9 * values[start - 4, 0]
    assert not couple(values, numbers, FUNCTIONS, INTERVAL).coupled[1, 0]


def test_the_decay_of_an_indicator_is_removed():
    events = np.random.default_rng(6).normal(size=(500, 3))
    decaying = events.copy()
    for frame in range(1, 500):
        decaying[frame] += 0.8 * decaying[frame - 1]
    assert without_decay(decaying, np.arange(500), 0.8) == pytest.approx(events)
    slow = found(decaying).own_share
    decay_s = -INTERVAL / np.log(0.8)
    assert slow.min() > 0.5
    assert found(decaying, decay_s=decay_s).own_share.max() < 0.1


def test_too_few_frames_or_assemblies_are_refused():
    for values in (courses(7, n_frames=150), courses(7)[:, :1]):
        with pytest.raises(ModelError, match="at least 2 assemblies and 200 frames"):
            found(values)


def test_an_assembly_that_never_changes_couples_to_nobody():
    values = courses(8)
    values[:, 3] = 1.0
    result = found(values)
    assert not result.coupled[3].any() and not result.coupled[:, 3].any()
    assert np.isfinite(result.by_lag).all()
