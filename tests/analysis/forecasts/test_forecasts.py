"""Baselines against known processes, calibration, and the comparison with a temporal model."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from napari_crbm.analysis.forecasts.baselines import BASELINES, Courses, fading, linear, persistence
from napari_crbm.analysis.forecasts.decoder import Calibration
from napari_crbm.analysis.forecasts.scores import ForecastScores, score_forecasts
from napari_crbm.analysis.forecasts.tables import coupling_table, export_forecasts
from napari_crbm.errors import ModelError
from napari_crbm.temporal import TemporalModel, TemporalSettings, TemporalTraining
from napari_crbm.temporal.lags import lag_functions
from tests.temporal.conftest import coupled, static  # noqa: F401


def courses(seed=0, n_frames=6000):
    """A process in which the first course drives the second one, and their autocorrelations."""
    generator = np.random.default_rng(seed)
    own = np.array([0.9, 0.5, 0.7])
    a = np.zeros((n_frames, 3))
    for t in range(1, n_frames):
        a[t] = own * a[t - 1] + generator.normal(0, 1, 3)
        a[t, 1] += 0.6 * a[t - 1, 0]
    a = (a - a.mean(0)) / a.std(0)
    train, check = np.arange(20, 3000), np.arange(3100, 3900)
    return Courses(a, lag_functions(4, 2), train, check)


def test_starts_need_a_future_in_the_same_stretch():
    given = courses()
    starts = np.array([5, 6, 7, 20, 21, 22, 23])
    assert given.with_future(starts, 1).tolist() == [5, 6, 20, 21, 22]
    assert given.with_future(starts, 3).tolist() == [20]


def test_fading_is_the_autocorrelation_and_persistence_the_last_frame():
    given = courses()
    starts = np.arange(4000, 5900)
    assert np.array_equal(persistence(given, starts, 5), given.activity[starts])
    share = fading(given, starts, 2)[:, [0, 2]] / given.activity[starts][:, [0, 2]]
    assert share[0] == pytest.approx([0.81, 0.49], abs=0.06)


def test_the_linear_forecast_knows_what_drives_a_course():
    given = courses()
    starts = np.arange(4000, 5900)
    target = given.activity[starts + 1]
    error = {
        name: (target - each(given, starts, 1)).var(axis=0) for name, each in BASELINES.items()
    }
    assert error["linear"][1] < 0.9 * error["fading"][1]
    assert error["fading"].sum() < error["persistence"].sum()
    # Far ahead nothing is left but the mean.
    assert np.abs(linear(given, starts, 60)).mean() < 0.25


def test_baselines_do_not_see_the_future():
    given = courses()
    starts = np.arange(4000, 4100)
    before = {name: each(given, starts, 3) for name, each in BASELINES.items()}
    given.activity[4100:] = 7.0
    for name, each in BASELINES.items():
        assert each(given, starts, 3) == pytest.approx(before[name]), name


def test_calibration_finds_the_slope_and_keeps_mean_activities():
    generator = np.random.default_rng(0)
    true = generator.normal(-3, 1.2, (4000, 40))
    active = generator.random(true.shape) < expit(true)
    found = Calibration.fitted(3 * true + 5, active, active.mean(axis=0))
    assert found.slope == pytest.approx(1 / 3, abs=0.03)
    rate = np.linspace(0.03, 0.2, 40)
    found = Calibration.fitted(3 * true + 5, active, rate)
    assert found.probability(3 * true + 5).mean(axis=0) == pytest.approx(rate, abs=1e-4)
    nothing = Calibration.fitted(generator.normal(size=true.shape), active, rate)
    assert abs(nothing.slope) < 0.05
    assert nothing.offset == pytest.approx(logit(rate), abs=0.05)


@pytest.fixture(scope="module")
def temporal(coupled, static) -> TemporalModel:  # noqa: F811
    training = TemporalTraining(
        static, coupled, TemporalSettings(longest_lag_s=1.0, penalty=0.05, n_passes=20)
    )
    for _ in training:
        pass
    return training.model()


def test_scores_compare_all_forecasts(temporal, coupled, tmp_path):  # noqa: F811
    scores = score_forecasts(temporal, coupled, (1, 4), n_starts=40)
    table = scores.table
    assert list(table["forecast"])[:5] == ["rate", *BASELINES, "temporal"]
    assert len(table) == 10 and set(table["horizon_frames"]) == {1, 4}
    one = table[table["horizon_frames"] == 1].set_index("forecast")
    assert one.loc["rate", "gain_mnat"] == 0
    assert one.loc["persistence", "over_persistence_mnat"] == 0
    # Assemblies stay on for several frames, so that everything beats mean rates one frame ahead.
    assert (one.loc[[*BASELINES, "temporal"], "gain_mnat"] > 0).all()
    assert (table["gain_low"] <= table["gain_mnat"]).all()
    paths = export_forecasts(scores, temporal, tmp_path)
    assert [path.name for path in paths] == ["forecasts.csv", "couplings.csv", "penalties.csv"]
    again = score_forecasts(temporal, coupled, (1, 4), n_starts=40)
    pd.testing.assert_frame_equal(table, again.table)


def test_couplings_are_listed_by_lag(temporal):
    table = coupling_table(temporal)
    assert list(table) == ["source", "target", "lag_frames", "lag_s", "coupling"]
    row = table.iloc[1]
    source, target = int(row["source"]), int(row["target"])
    assert row["lag_frames"] == 2 and row["lag_s"] == 0.5
    assert row["coupling"] == temporal.by_lag[1, target, source]
    off = table[table["source"] != table["target"]]
    assert len(off) == temporal.n_lags * temporal.n_couplings


def scores_with(low, high):
    row = {"horizon_frames": 1, "horizon_s": 0.25, "over_persistence_mnat": (low + high) / 2}
    table = pd.DataFrame([{"forecast": "temporal", **row}])
    names = ["rate", "persistence", "linear", "temporal"]
    overall = pd.DataFrame({"forecast": names, "gain_mnat": [0.0, 3.0, 4.0, 5.5]})
    overall["over_persistence_mnat"] = (low + high) / 2
    overall["over_persistence_low"], overall["over_persistence_high"] = low, high
    return ForecastScores(table, overall)


def test_the_verdict_says_whether_it_predicts_more():
    better = scores_with(1.0, 3.0).verdict
    assert "better than persistence, 0.25 s ahead by 2.0 mnat" in better
    assert "1.5 mnat more than the best simple forecast (linear)" in better
    assert "does not predict held-out frames better" in scores_with(-1.0, 3.0).verdict
    assert "too few to say" in scores_with(np.nan, np.nan).verdict


def test_forecasts_need_held_out_frames(temporal, coupled):  # noqa: F811
    from dataclasses import replace

    everything = replace(temporal, split={**temporal.split, "test": np.empty(0, dtype=np.int64)})
    with pytest.raises(ModelError, match="trained on all frames"):
        score_forecasts(everything, coupled)
