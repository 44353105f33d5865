"""How far apart a statistic of model and recording is, on a scale from 0 to 1: the nRMSE.

On this scale 0 is as good as one part of the recording predicts another, and 1 no better
than chance (paper, "Evaluation").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_VALUES_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Agreement:
    """How well one statistic of the model agrees with the held-out recording.

    ``nrmse = 1 - (rmse_model - rmse_shuffled) / (rmse_train - rmse_shuffled)``:
    0 if the model predicts the test frames as well as the training frames do, 1 if no
    better than chance, below 0 if better than the training frames.
    """

    nrmse: float
    rmse_model: float
    rmse_train: float
    rmse_shuffled: float
    pearson_r: float
    slope: float
    n: int


def agreement(
    model: NDArray[np.floating], train: NDArray[np.floating], test: NDArray[np.floating]
) -> Agreement:
    """Compare one statistic, as flat arrays of equal length, of model, train and test.

    ``rmse_shuffled`` is the root mean square difference of model and test averaged
    over all permutations of their entries, which has a closed form: no random numbers.
    Pearson's r and the slope of the regression line are those of the model on test.
    """
    return _agreement(
        test.size,
        _mean(model),
        _mean(test),
        _cross(model, model),
        _cross(test, test),
        _cross(model, test),
        _rms_difference(model, test),
        _rms_difference(train, test),
    )


def agreement_of_sums(
    n: int,
    model: float,
    test: float,
    model_squared: float,
    test_squared: float,
    model_error_squared: float,
    train_error_squared: float,
) -> Agreement:
    """`agreement` of n values, given their sums.

    These are the sums of model and test, of their squares, and of the squared differences
    of model and test, and of train and test.
    """
    if not n:
        return _agreement(0, *(float("nan"),) * 7)
    mean_model, mean_test = model / n, test / n
    product = (model_squared + test_squared - model_error_squared) / 2
    return _agreement(
        n,
        mean_model,
        mean_test,
        model_squared / n - mean_model**2,
        test_squared / n - mean_test**2,
        product / n - mean_model * mean_test,
        float(np.sqrt(model_error_squared / n)),
        float(np.sqrt(train_error_squared / n)),
    )


def _agreement(
    n: int,
    mean_model: float,
    mean_test: float,
    var_model: float,
    var_test: float,
    covariance: float,
    to_model: float,
    to_train: float,
) -> Agreement:
    if not n:
        return Agreement(*(float("nan"),) * 6, n=0)
    shuffled = np.sqrt(var_model + var_test + (mean_model - mean_test) ** 2)
    gain = to_train - shuffled
    spread = np.sqrt(var_model * var_test)
    return Agreement(
        nrmse=float(1 - (to_model - shuffled) / gain) if gain else float("nan"),
        rmse_model=to_model,
        rmse_train=to_train,
        rmse_shuffled=float(shuffled),
        pearson_r=float(covariance / spread) if spread else float("nan"),
        slope=float(covariance / var_test) if var_test else float("nan"),
        n=int(n),
    )


def _mean(x: NDArray[np.floating]) -> float:
    if not x.size:
        return float("nan")
    return float(x.mean(dtype=np.float64))


def _cross(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Covariance, in blocks so that float64 copies stay small."""
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
