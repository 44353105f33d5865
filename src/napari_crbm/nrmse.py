"""Normalised root mean square error (nRMSE) between a statistic of model and recording.

It is 0 if the model predicts the held-out frames as well as the training frames do, and 1 if it
is no better than chance (paper, "Evaluation").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_VALUES_AT_ONCE = 1 << 22
_FEWEST = 3


@dataclass(frozen=True)
class Agreement:
    """Agreement of one statistic of the model with the held-out recording.

    ``nrmse = 1 - (rmse_model - rmse_shuffled) / (rmse_train - rmse_shuffled)``:
    0 if the model predicts the test frames as well as the training frames do, 1 if no
    better than chance, below 0 if better than the training frames. NaN if the training
    frames themselves are no closer to the test frames than chance (the statistic has more
    noise than signal), since the denominator is then not negative. In this case too,
    the correlations with the test frames, ``pearson_r`` of the model and ``train_r`` of the
    training frames, can be compared. All are NaN for fewer than three values, whose
    correlation is always 1 or -1 and which hardly differ from their permutations.
    """

    nrmse: float
    rmse_model: float
    rmse_train: float
    rmse_shuffled: float
    pearson_r: float
    train_r: float
    slope: float
    n: int


def agreement(
    model: NDArray[np.floating], train: NDArray[np.floating], test: NDArray[np.floating]
) -> Agreement:
    """Compare one statistic, as flat arrays of equal length, of model, train and test.

    ``rmse_shuffled`` is the root mean square difference of model and test averaged
    over all permutations of their entries, which has a closed form without random numbers.
    The slope is that of the regression line of the model on test.
    """
    return _agreement(
        test.size,
        (_mean(model), _mean(test)),
        (_cross(model, model), _cross(train, train), _cross(test, test)),
        (_cross(model, test), _cross(train, test)),
        (_rms_difference(model, test), _rms_difference(train, test)),
    )


def agreement_of_sums(
    n: int,
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    model_error_squared: float,
    train_error_squared: float,
) -> Agreement:
    """Compute `agreement` of n values from their sums.

    Parameters
    ----------
    n : int
    sums, squares : (3,) float64
        Sums of the values and of their squares, for model, train and test.
    model_error_squared, train_error_squared : float
        Sums of the squared differences from test.
    """
    if not n:
        return _agreement(0, *((float("nan"),) * count for count in (2, 3, 2, 2)))
    mean, errors = sums / n, np.array([model_error_squared, train_error_squared])
    products = (squares[:2] + squares[2] - errors) / 2
    return _agreement(
        n,
        (mean[0], mean[2]),
        tuple(squares / n - mean**2),
        tuple(products / n - mean[:2] * mean[2]),
        tuple(np.sqrt(errors / n)),
    )


def _agreement(
    n: int,
    means: tuple[float, ...],
    variances: tuple[float, ...],
    covariances: tuple[float, ...],
    distances: tuple[float, ...],
) -> Agreement:
    """Compute from means (model, test), variances (model, train, test) and the rest with test."""
    if not n:
        return Agreement(*(float("nan"),) * 7, n=0)
    (to_model, to_train), test = distances, variances[2]
    shuffled = np.sqrt(variances[0] + test + (means[0] - means[1]) ** 2)
    gain = shuffled - to_train
    known = gain > 0 and n >= _FEWEST
    model_r, train_r = (
        _correlation(n, covariance, own, test)
        for covariance, own in zip(covariances, variances, strict=False)
    )
    return Agreement(
        nrmse=float(1 - (shuffled - to_model) / gain) if known else float("nan"),
        rmse_model=float(to_model),
        rmse_train=float(to_train),
        rmse_shuffled=float(shuffled),
        pearson_r=model_r,
        train_r=train_r,
        slope=float(covariances[0] / test) if test > 0 else float("nan"),
        n=int(n),
    )


def _correlation(n: int, covariance: float, first: float, second: float) -> float:
    if n < _FEWEST or first <= 0 or second <= 0:
        return float("nan")
    return float(covariance / np.sqrt(first * second))


def _mean(x: NDArray[np.floating]) -> float:
    if not x.size:
        return float("nan")
    return float(x.mean(dtype=np.float64))


def _cross(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Compute the covariance in blocks, so that float64 copies stay small."""
    mean_x, mean_y = _mean(x), _mean(y)
    total = 0.0
    for start in range(0, x.size, _VALUES_AT_ONCE):
        part = slice(start, start + _VALUES_AT_ONCE)
        total += float((x[part].astype(np.float64) - mean_x) @ (y[part] - mean_y))
    return total / x.size if x.size else float("nan")


def _rms_difference(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    total = 0.0
    for start in range(0, x.size, _VALUES_AT_ONCE):
        part = slice(start, start + _VALUES_AT_ONCE)
        difference = x[part].astype(np.float64) - y[part]
        total += float(difference @ difference)
    return float(np.sqrt(total / x.size)) if x.size else float("nan")
