"""Rows of the table of an evaluation, and the reasons for what is missing in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.explained import Explained, explained_share
from napari_crbm.analysis.statistics.intervals import Interval
from napari_crbm.analysis.statistics.moments import Moments
from napari_crbm.analysis.statistics.registry import STATISTICS
from napari_crbm.analysis.statistics.resampling import Resampling


def explained_shares(
    resampling: Resampling, connected: NDArray[np.bool_], shift: NDArray[np.floating]
) -> dict[str, Explained]:
    """Compute the explained share of every statistic that is a covariance."""

    def of_both(of: Moments) -> NDArray[np.floating]:
        return (of.mean_vh - of.mean_v[:, None] * of.mean_h)[connected]

    parts = (resampling.whole[0], resampling.train, resampling.test)
    free = resampling.reference
    return {
        "mean_vh": explained_share(
            of_both, *parts, of_model=lambda of: of_both(of) + shift[connected], reference=free
        ),
        "cov_vv": explained_share(lambda of: of.cov_vv, *parts),
        "cov_hh": explained_share(lambda of: of.cov_hh, *parts, reference=free),
    }


def table_row(found: dict[str, Any], interval: Interval, share: Explained | None) -> dict[str, Any]:
    """Make one row of the table."""
    nrmse, nothing = found.pop("nrmse"), float("nan")
    return {
        "nrmse": nrmse,
        "standard_error": interval.error,
        "low": nrmse - interval.reach,
        "high": nrmse + interval.reach,
        "explained": nothing if share is None else share.share,
        "explained_error": nothing if share is None else share.error,
        "explained_train": nothing if share is None else share.train_share,
        "explained_train_error": nothing if share is None else share.train_error,
        **found,
    }


def reasons_of(intervals: Mapping[str, Interval], shares: Mapping[str, Explained]) -> Iterator[str]:
    """Say why an interval or an explained share is missing, each reason once."""
    for what, found in (("No interval of the nRMSE", intervals), ("No explained share", shares)):
        reasons: dict[str, list[str]] = {}
        for name, each in found.items():
            if each.reason and STATISTICS[name].judged:
                reasons.setdefault(each.reason, []).append(STATISTICS[name].label)
        for reason, labels in reasons.items():
            yield f"{what} for {', '.join(labels)}: {reason}."
