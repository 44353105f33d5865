"""How well held-out frames are forecast: a temporal model beside simpler forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logit

from napari_crbm.analysis.forecasts.baselines import BASELINES, Courses
from napari_crbm.analysis.forecasts.copula import Copula
from napari_crbm.analysis.forecasts.decoder import Calibration
from napari_crbm.analysis.forecasts.dwell import dwell_table, episodes
from napari_crbm.analysis.statistics.block_sums import jackknife_variance
from napari_crbm.analysis.statistics.explained import LEVEL
from napari_crbm.analysis.statistics.intervals import FEWEST_BLOCKS
from napari_crbm.analysis.statistics.lagged import LAGS
from napari_crbm.analysis.statistics.prediction import block_mean
from napari_crbm.analysis.statistics.time_blocks import block_frames, correlation_times, cut
from napari_crbm.errors import ModelError
from napari_crbm.model.compute.two_groups import active_threshold
from napari_crbm.recording import Recording
from napari_crbm.temporal import TemporalModel, forecast
from napari_crbm.temporal.lags import frames_with_past
from napari_crbm.temporal.validation import log_likelihood, training_rate

#: Frames ahead, those of ZAPBench and of the lagged correlations.
HORIZONS = LAGS
#: Name of the temporal model among the forecasts.
TEMPORAL = "temporal"
HELD_OUT, TRAINING = "held-out", "training"
# Blocks of time between which dwell times vary, and continuations of the copula process.
_DWELL_BLOCKS, _PATHS, _PATH_FRAMES = 10, 40, 200
# Neurons and pasts that are forecast at most.
_NEURONS, _STARTS = 400, 100
_FEWEST = 20
_SEED = 51
# From nats to thousandths of a nat.
_MILLI = 1000.0
# Probabilities are kept so far from zero and one.
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class ForecastScores:
    """Scores of all forecasts in held-out frames.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each forecast and horizon: ``forecast`` ("rate", those of `BASELINES`, and
        "temporal"), ``horizon_frames, horizon_s``; ``gain_mnat`` with ``gain_low, gain_high``
        (log-likelihood beyond mean rates, thousandths of a nat per neuron per frame, and its
        interval of 95 %); ``over_persistence_mnat`` with ``over_persistence_low,
        over_persistence_high`` (the same beyond persistence); ``mae`` (mean absolute error of the
        probability of neurons, as in ZAPBench), ``assembly_mae`` (of the standardised activity of
        assemblies), each with ``_low`` and ``_high``; ``lagged_left`` with ``lagged_left_low,
        lagged_left_high``: see `lagged_left`; ``n_frames, n_blocks``.
    overall : pandas.DataFrame
        One row for each forecast: the mean over all horizons, columns ``forecast``, and of
        ``table`` those of the likelihood.
    dwell : pandas.DataFrame
        How long assemblies stay on: `napari_crbm.analysis.forecasts.dwell.dwell_table` of the
        "training" and "held-out" frames, and of continuations of the "temporal" model and of the
        "copula" process.
    """

    table: pd.DataFrame
    overall: pd.DataFrame
    dwell: pd.DataFrame

    @property
    def dwell_sentence(self) -> str:
        """How long assemblies stay on, recorded and continued."""
        rows = self.dwell[self.dwell["assembly"] == -1].set_index("source")

        def said(source: str) -> str:
            row = rows.loc[source]
            if not np.isfinite(row["dwell_low"]):
                return f"{row['dwell_s']:.2g} s"
            return f"{row['dwell_s']:.2g} s ({row['dwell_low']:.2g} to {row['dwell_high']:.2g})"

        return (
            f"Assemblies stay on for {said(HELD_OUT)} on average in held-out frames, "
            f"{said(TEMPORAL)} in continuations of the temporal model and {said('copula')} in "
            "those of the copula process."
        )

    @property
    def verdict(self) -> str:
        """Whether the temporal model predicts more than persistence, and by how much."""
        rows = self.table[self.table["forecast"] == TEMPORAL]
        mean = self.overall.set_index("forecast").loc[TEMPORAL]
        low, high = mean["over_persistence_low"], mean["over_persistence_high"]
        by = f"{mean['over_persistence_mnat']:.1f} mnat per neuron per frame"
        first, last = rows["horizon_s"].iloc[0], rows["horizon_s"].iloc[-1]
        where = f"{first:.2g} s ahead" if first == last else f"{first:.2g} to {last:.2g} s ahead"
        if not np.isfinite(low):
            return (
                f"The held-out frames are fewer than {FEWEST_BLOCKS} independent blocks of time, "
                "too few to say whether the temporal model predicts more than persistence "
                f"({where} the difference is {by})."
            )
        interval = f"95 % interval {low:.1f} to {high:.1f}"
        each = ", ".join(
            f"{row['over_persistence_mnat']:.1f} at {row['horizon_s']:.2g} s"
            for _, row in rows.iterrows()
        )
        if low <= 0:
            return (
                "The temporal model does not predict held-out frames better than persistence: "
                f"{where} the mean difference is {by} ({interval}; {each})."
            )
        return (
            f"The temporal model predicts held-out frames better than persistence, {where} by "
            f"{by} on average ({interval}; {each}). {self._against_best}"
        )

    @property
    def _against_best(self) -> str:
        """Compare with the best of the simpler forecasts."""
        gain = self.overall.set_index("forecast")["gain_mnat"]
        others = gain.drop(TEMPORAL)
        more = gain[TEMPORAL] - others.max()
        relation = f"{more:.1f} mnat more" if more >= 0 else f"{-more:.1f} mnat less"
        return f"That is {relation} than the best simple forecast ({others.idxmax()})."


def score_forecasts(
    model: TemporalModel,
    recording: Recording,
    horizons: Sequence[int] = HORIZONS,
    *,
    n_starts: int = _STARTS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> ForecastScores:
    """Forecast held-out frames by a temporal model, mean rates and `BASELINES`, and score them.

    All are fitted to the training frames, and their probabilities are calibrated on them for each
    horizon in the same way (`napari_crbm.analysis.forecasts.decoder`).

    Parameters
    ----------
    model : TemporalModel
    recording : Recording
        That it was trained on.
    horizons : sequence of int
        Frames ahead. Those longer than the held-out stretches are left out.
    n_starts : int
        Pasts to forecast from, at equal distances.
    random_state : int
    report : callable, optional
        Called with pasts done and pasts in all; may raise to cancel.

    Raises
    ------
    ModelError
        If there are too few held-out frames, or the recording has other neurons.
    """
    model.rbm.require_neurons(recording.spikes)
    activity = model.activity(recording.spikes)
    starts, wanted = _starts(model, recording, horizons, n_starts)
    generator = np.random.default_rng([random_state, _SEED])
    spikes = recording.spikes
    n_neurons = min(_NEURONS, spikes.n_neurons)
    neurons = np.sort(generator.choice(spikes.n_neurons, n_neurons, replace=False))
    courses = Courses(
        activity, model.functions, model.split["train"], model.split.get("validation", starts[:0])
    )
    fit_to = np.sort(np.concatenate([courses.train, courses.validation]))
    fit_starts = courses.with_future(fit_to, wanted[-1])
    if len(fit_starts) < _FEWEST:
        fit_starts = courses.with_future(fit_to, wanted[0])
    spread = np.unique(np.linspace(0, len(fit_starts) - 1, n_starts).astype(np.int64))
    fit_starts = fit_starts[spread]
    both = np.concatenate([fit_starts, starts])
    ahead = forecast(
        model,
        spikes,
        both,
        wanted,
        activity=activity,
        neurons=neurons,
        on_above=(above := active_threshold(activity[fit_to])),
        random_state=random_state,
        report=report,
    )
    rate = training_rate(spikes, fit_to)[neurons]
    time, _ = correlation_times(activity[fit_to], fit_to)
    n_fit = len(fit_starts)
    rows = []
    blocks = _blocks(starts, time)
    total: dict[str, NDArray[np.float64]] = {}
    for place, horizon in enumerate(ahead.horizons.tolist()):
        targets = starts + horizon
        active = spikes.dense(targets)[:, neurons].astype(bool)
        expected = {name: baseline(courses, both, horizon) for name, baseline in BASELINES.items()}
        odds: dict[str, NDArray[np.floating]] = {
            name: _odds(model, each, neurons) for name, each in expected.items()
        }
        expected[TEMPORAL] = ahead.activity[place]
        odds[TEMPORAL] = logit(np.clip(ahead.probability[place], _SMALLEST, 1 - _SMALLEST))
        fitted = spikes.dense(fit_starts + horizon)[:, neurons].astype(bool)
        found: dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]] = {
            "rate": (np.broadcast_to(rate, active.shape), np.zeros((len(starts), 1)))
        }
        for name, x in odds.items():
            calibration = Calibration.fitted(x[:n_fit], fitted, rate)
            found[name] = (calibration.probability(x[n_fit:]), expected[name][n_fit:])
        gains = {
            name: log_likelihood(chance, active).mean(axis=1) for name, (chance, _) in found.items()
        }
        for name, gain in gains.items():
            total[name] = total.get(name, 0.0) + gain / len(ahead.horizons)
        for name, (chance, course) in found.items():
            rows.append(
                {
                    "forecast": name,
                    "horizon_frames": horizon,
                    "horizon_s": horizon * model.frame_interval_s,
                    **_likelihoods(name, gains, blocks),
                    **_interval("mae", np.abs(active - chance).mean(axis=1), blocks, 1.0),
                    **_interval(
                        "assembly_mae",
                        np.abs(activity[targets] - course).mean(axis=1),
                        blocks,
                        1.0,
                    ),
                    **lagged_left(activity[starts], activity[targets], course, blocks),
                    "n_frames": len(starts),
                    "n_blocks": len(blocks),
                }
            )
    overall = [{"forecast": name, **_likelihoods(name, total, blocks)} for name in total]
    counts = {
        TRAINING: episodes(activity, fit_to, recording.frame_numbers, above, _DWELL_BLOCKS),
        HELD_OUT: episodes(
            activity, model.split["test"], recording.frame_numbers, above, _DWELL_BLOCKS
        ),
        TEMPORAL: np.stack(
            [each.sum(axis=0) for each in np.array_split(ahead.episodes[n_fit:], _DWELL_BLOCKS)]
        ),
        "copula": _copula_episodes(courses, above, generator),
    }
    dwell = dwell_table(counts, model.frame_interval_s)
    return ForecastScores(pd.DataFrame(rows), pd.DataFrame(overall), dwell)


def lagged_left(
    now: NDArray[np.floating],
    later: NDArray[np.floating],
    expected: NDArray[np.floating],
    blocks: Sequence[NDArray[np.int64]],
) -> dict[str, float]:
    """Compute the share of the lagged covariances of assemblies that a forecast leaves.

    It is the root mean square, over all ordered pairs, of the covariance between the activity now
    and the error of the forecast, over that between the activity now and later: 0 if the forecast
    has all lagged covariances, 1 if it has none.

    Parameters
    ----------
    now, later, expected : (S, M) float
        ``expected`` may have one column, of zeros.
    blocks : sequence of int arrays

    Returns
    -------
    dict
        ``lagged_left`` with ``_low`` and ``_high``, the interval of 95 % jackknifed over blocks.
    """

    def share(rows: NDArray[np.int64]) -> float:
        past = now[rows].astype(np.float64)
        past = past - past.mean(axis=0)
        left, whole = (
            np.sqrt(np.mean((past.T @ (x[rows] - x[rows].mean(axis=0))) ** 2))
            for x in (later - expected, later)
        )
        return float(left / whole) if whole > 0 else np.nan

    every = np.arange(len(now))
    value, reach = share(every), np.nan
    if len(blocks) >= FEWEST_BLOCKS:
        without = np.array([share(np.setdiff1d(every, block)) for block in blocks])
        factor = float(stats.t.isf((1 - LEVEL) / 2, len(blocks) - 1))
        reach = factor * float(np.sqrt(jackknife_variance(without)))
    return {
        "lagged_left": value,
        "lagged_left_low": value - reach,
        "lagged_left_high": value + reach,
    }


def _copula_episodes(
    courses: Courses, above: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Count episodes in continuations of the copula process, (blocks, 2, M)."""
    fit = courses.with_future(courses.train, 1)
    process = Copula.fitted(courses.activity, fit)
    first = process.drawn(_PATHS, generator)
    on = process.continued(first, _PATH_FRAMES, generator) > above
    counted = np.stack([on[:-1], on[:-1] & ~on[1:]], axis=2).sum(axis=0)
    return np.stack([part.sum(axis=0) for part in np.array_split(counted, _DWELL_BLOCKS)])


def _likelihoods(
    name: str, gains: Mapping[str, NDArray[np.float64]], blocks: Sequence[NDArray[np.int64]]
) -> dict[str, float]:
    """Compare the log-likelihood of frames with that of mean rates and of persistence."""
    return {
        **_interval("gain_mnat", gains[name] - gains["rate"], blocks, _MILLI),
        **_interval("over_persistence_mnat", gains[name] - gains["persistence"], blocks, _MILLI),
    }


def _starts(
    model: TemporalModel, recording: Recording, horizons: Sequence[int], n_starts: int
) -> tuple[NDArray[np.int64], list[int]]:
    """Choose held-out frames to forecast from, and the horizons that fit."""
    test = model.split.get("test", np.empty(0, dtype=np.int64))
    if not len(test):
        raise ModelError(
            "The model was trained on all frames, so that there are none to test forecasts on. "
            "Train it with held-out blocks of time (setting n_test_blocks)."
        )
    numbers = recording.frame_numbers
    for longest in range(len(horizons), 0, -1):
        wanted = sorted(horizons)[:longest]
        # The frame ahead must have its whole past, from the first lag on, in one stretch.
        reach = model.n_lags - 1 + wanted[-1]
        found = frames_with_past(test, numbers, reach) - wanted[-1]
        if len(found) >= max(_FEWEST, len(test) / 4) or (longest == 1 and len(found) >= _FEWEST):
            some = np.unique(np.linspace(0, len(found) - 1, n_starts).astype(np.int64))
            return found[some], wanted
    raise ModelError(
        f"Held-out stretches of this recording are shorter than the {model.n_lags} frames of the "
        "past and the horizon. Choose a shorter longest lag."
    )


def _odds(
    model: TemporalModel, expected: NDArray[np.floating], neurons: NDArray[np.int64]
) -> NDArray[np.floating]:
    """Return the log-odds (S, n) that the model without time gives to expected activity (S, M)."""
    hidden = model.centre + model.scale * expected
    return np.asarray(hidden @ model.rbm.weights[neurons].T + model.rbm.fields[neurons])


def _blocks(starts: NDArray[np.int64], time: float) -> list[NDArray[np.int64]]:
    """Cut the chosen frames into blocks of time that count as independent."""
    spacing = float(np.median(np.diff(starts))) if len(starts) > 1 else 1.0
    # Chosen frames are some frames apart; stretches end where they are further apart than usual.
    number = np.cumsum(np.concatenate([[0], np.where(np.diff(starts) > 3 * spacing, 2, 1)]))
    return cut(number, block_frames(len(number), max(time / spacing, 1.0)))


def _interval(
    name: str, values: NDArray[np.float64], blocks: Sequence[NDArray[np.int64]], unit: float
) -> dict[str, float]:
    """Return a mean times ``unit``, with the interval of 95 %; NaN with too few blocks."""
    found, short = block_mean(values, blocks), name.removesuffix("_mnat")
    reach = np.nan
    if len(blocks) >= FEWEST_BLOCKS:
        reach = float(stats.t.isf((1 - LEVEL) / 2, len(blocks) - 1)) * found.error
    return {
        name: unit * found.value,
        f"{short}_low": unit * (found.value - reach),
        f"{short}_high": unit * (found.value + reach),
    }
