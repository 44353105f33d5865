"""Simple forecasts of assembly activity that a temporal model has to beat.

Each returns the expected standardised activity of assemblies some frames ahead. Neurons follow from
it by the decoder of the model without time, `napari_crbm.analysis.forecasts.decoder`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.forecasts.copula import Copula
from napari_crbm.temporal.lags import filtered_past

# Continuations of each past by the copula process.
_CONTINUATIONS, _SEED = 64, 52
# Ridge penalties of the linear forecast, as shares of the mean variance of its predictors.
_RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class Courses:
    """Activity of assemblies, and the frames that baselines are fitted to.

    Parameters
    ----------
    activity : (T, M) float
        Standardised, of the whole recording.
    functions : (B, L) float64
        Functions of the lag that the linear forecast uses, those of the temporal model.
    train, validation : (S,) and (S',) int64
        Frames to forecast from, of the training and validation part.
    """

    activity: NDArray[np.floating]
    functions: NDArray[np.float64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    def with_future(self, starts: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
        """Return the starts whose frame ``horizon`` ahead belongs to the same stretch of starts."""
        inside = np.zeros(len(self.activity) + horizon, dtype=bool)
        inside[starts] = True
        kept = np.array(starts)
        for ahead in range(1, horizon + 1):
            kept = kept[inside[kept + ahead]]
        return kept


Baseline = Callable[[Courses, NDArray[np.int64], int], NDArray[np.float64]]


def persistence(courses: Courses, starts: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Expect the activity of the last frame, (S, M)."""
    del horizon
    return np.asarray(courses.activity[starts], dtype=np.float64)


def fading(courses: Courses, starts: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Expect the activity of the last frame times its autocorrelation at this lag, (S, M)."""
    fit = courses.with_future(courses.train, horizon)
    now, later = (courses.activity[at].astype(np.float64) for at in (fit, fit + horizon))
    now, later = now - now.mean(axis=0), later - later.mean(axis=0)
    square = (now**2).sum(axis=0)
    share = np.divide(
        (now * later).sum(axis=0), square, out=np.zeros(len(square)), where=square > 0
    )
    return np.asarray(courses.activity[starts] * share)


def linear(courses: Courses, starts: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Expect a ridge regression on the past of all assemblies, (S, M).

    The predictors are the activity of the last frame and the past seen through the functions of
    the lag; a vector autoregression, fitted for each horizon. Validation frames choose the ridge.
    """
    # Shifted by one frame, so that the last frame counts as lag 1.
    past = filtered_past(courses.activity[:-1], courses.functions)
    last = np.concatenate([past[1:], np.zeros_like(past[:1])])
    known = last.reshape(len(last), -1).astype(np.float64)
    known = np.concatenate([known, courses.activity[: len(known)]], axis=1)
    fit, check = (
        courses.with_future(part, horizon) for part in (courses.train, courses.validation)
    )
    fit, check = fit[fit < len(known)], check[check < len(known)]
    centre, target = known[fit].mean(axis=0), courses.activity.astype(np.float64)
    mean = target[fit + horizon].mean(axis=0)
    x, y = known[fit] - centre, target[fit + horizon] - mean
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    projected = vectors.T @ (x.T @ y / len(x))
    unit = float(values.mean())
    best, least = np.zeros_like(projected), np.inf
    for ridge in _RIDGES:
        solution = vectors @ (projected / (values + ridge * unit)[:, None])
        error = target[check + horizon] - mean - (known[check] - centre) @ solution
        loss = float((error**2).mean()) if len(check) else ridge
        if loss < least:
            best, least = solution, loss
    return np.asarray((known[np.minimum(starts, len(known) - 1)] - centre) @ best + mean)


def copula(courses: Courses, starts: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Expect the mean of continuations of the Gaussian-copula process, (S, M)."""
    fit = courses.with_future(courses.train, 1)
    process = Copula.fitted(courses.activity, fit)
    generator = np.random.default_rng([_SEED, horizon])
    repeated = np.repeat(courses.activity[starts], _CONTINUATIONS, axis=0)
    drawn = process.continued(repeated, horizon, generator)[-1]
    return np.asarray(drawn.reshape(len(starts), _CONTINUATIONS, -1).mean(axis=1))


#: Baselines by name, from the simplest on.
BASELINES: dict[str, Baseline] = {
    "persistence": persistence,
    "fading": fading,
    "linear": linear,
    "copula": copula,
}
