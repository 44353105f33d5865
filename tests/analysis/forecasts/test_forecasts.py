"""Baselines against known processes, calibration, and the comparison with a temporal model."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from napari_crbm.analysis.forecasts.baselines import BASELINES, Courses, fading, linear, persistence
from napari_crbm.analysis.forecasts.copula import Copula
from napari_crbm.analysis.forecasts.decoder import Calibration
from napari_crbm.analysis.forecasts.dwell import dwell_table, episodes
from napari_crbm.analysis.forecasts.scores import ForecastScores, lagged_left, score_forecasts
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


def test_the_copula_process_has_the_marginals_correlations_and_decay_of_the_recording():
    given = courses()
    skewed = np.exp(given.activity)
    process = Copula.fitted(skewed, np.arange(20, 5000))
    path = process.continued(skewed[[100]], 20_000, np.random.default_rng(1))[:, 0]
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(path, share, axis=0) == pytest.approx(
            np.quantile(skewed, share, axis=0), rel=0.15
        )
    drawn, recorded = np.log(path), given.activity
    for lag in (0, 1, 4):
        for one, other in ((0, 0), (0, 1), (1, 0), (2, 2)):
            r = [
                np.corrcoef(x[: len(x) - lag, one], x[lag:, other])[0, 1] for x in (drawn, recorded)
            ]
            assert r[0] == pytest.approx(r[1], abs=0.08)
    apart = np.log(process.drawn(5000, np.random.default_rng(2)))
    assert np.corrcoef(apart.T) == pytest.approx(np.corrcoef(recorded.T), abs=0.08)


def test_a_constant_assembly_stays_constant_in_the_copula_process():
    values = np.random.default_rng(0).normal(size=(300, 2))
    values[:, 1] = 0.5
    process = Copula.fitted(values, np.arange(299))
    assert (process.continued(values[:1], 50, np.random.default_rng(0))[:, 0, 1] == 0.5).all()


def test_dwell_times_count_frames_on_over_ends_and_never_across_gaps():
    on = np.zeros((40, 1))
    on[[5, 6, 7, 20, 21, 30]] = 1
    numbers = np.arange(40) + (np.arange(40) >= 22)
    counts = episodes(on, np.arange(40), numbers, np.array([0.5]), 1)
    # The episode at 20 is cut off by the gap after 21: seen for one frame, without an end.
    assert counts.tolist() == [[[5], [2]]]
    row = dwell_table({"here": counts}, 0.5).iloc[0]
    assert row["dwell_s"] == 1.25 and np.isnan(row["dwell_low"])


def test_dwell_times_of_a_switch_have_intervals_that_hold_the_truth():
    rng, state, course = np.random.default_rng(3), 0, []
    for _ in range(20_000):
        state = int(rng.random() < (0.9 if state else 0.05))
        course.append(state)
    values = np.array(course, dtype=float)[:, None]
    every = np.arange(len(values))
    table = dwell_table({"x": episodes(values, every, every, np.array([0.5]), 10)}, 1.0)
    row = table[table["assembly"] == 0].iloc[0]
    assert row["dwell_low"] < 10 < row["dwell_high"]
    assert row["dwell_high"] - row["dwell_low"] < 2


def test_the_share_of_lagged_covariances_left_is_zero_for_the_truth_and_one_for_nothing():
    given = courses()
    starts = np.arange(4000, 5000)
    now, later = given.activity[starts], given.activity[starts + 1]
    blocks = np.array_split(np.arange(len(starts)), 8)
    nothing = lagged_left(now, later, np.zeros((len(now), 1)), blocks)
    assert nothing["lagged_left"] == pytest.approx(1.0)
    assert lagged_left(now, later, later, blocks)["lagged_left"] == pytest.approx(0.0)
    found = lagged_left(now, later, linear(given, starts, 1), blocks)
    assert found["lagged_left"] < 0.2
    assert found["lagged_left_low"] < found["lagged_left"] < found["lagged_left_high"]


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
    assert list(table["forecast"])[:6] == ["rate", *BASELINES, "temporal"]
    assert len(table) == 12 and set(table["horizon_frames"]) == {1, 4}
    one = table[table["horizon_frames"] == 1].set_index("forecast")
    assert one.loc["rate", "gain_mnat"] == 0
    assert one.loc["persistence", "over_persistence_mnat"] == 0
    # Assemblies stay on for several frames, so that everything beats mean rates one frame ahead.
    assert (one.loc[[*BASELINES, "temporal"], "gain_mnat"] > 0).all()
    assert (table["gain_low"] <= table["gain_mnat"]).all()
    paths = export_forecasts(scores, temporal, tmp_path)
    assert [path.name for path in paths] == [
        "forecasts.csv",
        "dwell.csv",
        "couplings.csv",
        "penalties.csv",
    ]
    assert one.loc["rate", "lagged_left"] == pytest.approx(1.0)
    assert one.loc["persistence", "lagged_left"] < 1
    assert (table["mae_low"] <= table["mae"]).all() and (table["mae"] < 0.5).all()
    together = scores.dwell[scores.dwell["assembly"] == -1].set_index("source")
    assert list(together.index) == ["training", "held-out", "temporal", "copula"]
    assert (together["dwell_s"] > 0.2).all() and (together["episodes"] > 20).all()
    assert "in continuations of the temporal model" in scores.dwell_sentence
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
    return ForecastScores(table, overall, dwell_table({}, 0.25))


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
