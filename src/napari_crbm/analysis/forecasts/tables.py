"""Forecasts, couplings and directions of a temporal model as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.analysis.export.tables import write_tables
from napari_crbm.analysis.forecasts.directions import Directions
from napari_crbm.analysis.forecasts.scores import ForecastScores
from napari_crbm.temporal import TemporalModel


def coupling_table(model: TemporalModel) -> pd.DataFrame:
    """List the couplings that are not zero, one row for each pair of assemblies and lag.

    Returns
    -------
    pandas.DataFrame
        ``source, target, lag_frames, lag_s, coupling``; ``coupling`` is the change of the input of
        the target while the activity of the source was one standard deviation above its mean
        ``lag_frames`` before.
    """
    by_lag = model.by_lag
    target, source = np.nonzero((model.couplings != 0).any(axis=0))
    lags = np.arange(1, model.n_lags + 1)
    return pd.DataFrame(
        {
            "source": np.repeat(source, len(lags)),
            "target": np.repeat(target, len(lags)),
            "lag_frames": np.tile(lags, len(source)),
            "lag_s": np.tile(model.lags_s, len(source)),
            "coupling": by_lag[:, target, source].T.ravel(),
        }
    )


def direction_table(found: Directions) -> pd.DataFrame:
    """List all ordered pairs of different assemblies, the strongest couplings first.

    Returns
    -------
    pandas.DataFrame
        ``source, target, strength, total, peak_lag_s, p, q, first_half, second_half, stable,
        difference_q, coupled, directed``: see `Directions`. ``peak_lag_s`` is the lag of the
        largest coupling.
    """
    target, source = np.nonzero(~np.eye(len(found.strength), dtype=bool))
    at = (target, source)
    table = pd.DataFrame(
        {
            "source": source,
            "target": target,
            "strength": found.strength[at],
            "total": found.total[at],
            "peak_lag_s": found.lags_s[np.abs(found.by_lag).argmax(axis=0)[at]],
            "p": found.p[at],
            "q": found.q[at],
            "first_half": found.halves[0][at],
            "second_half": found.halves[1][at],
            "stable": found.stable[at],
            "difference_q": found.difference_q[at],
            "coupled": found.coupled[at],
            "directed": found.directed[at],
        }
    )
    return table.sort_values("strength", ascending=False, kind="stable", ignore_index=True)


def lag_table(found: Directions) -> pd.DataFrame:
    """List the couplings of all pairs at all lags, those to the own past among them.

    Returns
    -------
    pandas.DataFrame
        ``source, target, lag_s, coupling``.
    """
    n_lags, n_units = len(found.lags_s), len(found.strength)
    target, source = (each.ravel() for each in np.indices((n_units, n_units)))
    return pd.DataFrame(
        {
            "source": np.repeat(source, n_lags),
            "target": np.repeat(target, n_lags),
            "lag_s": np.tile(found.lags_s, n_units**2),
            "coupling": found.by_lag[:, target, source].T.ravel(),
        }
    )


def direction_tables(found: Directions) -> dict[str, pd.DataFrame]:
    """Return the tables of directed couplings by name: `direction_table` and `lag_table`."""
    return {"directions": direction_table(found), "lags": lag_table(found)}


def export_forecasts(
    scores: ForecastScores, model: TemporalModel, folder: Path | str, kind: str = "csv"
) -> list[Path]:
    """Write all results as tables into a folder.

    Parameters
    ----------
    scores : ForecastScores
    model : TemporalModel
    folder : path
        Made if missing.
    kind : {"csv", "parquet"}

    Returns
    -------
    list of Path
        ``forecasts`` (`ForecastScores.table`), ``dwell`` (`ForecastScores.dwell`), ``couplings``
        (`coupling_table`) and ``penalties`` (one row for each penalty that was tried).
    """
    tables = {
        "forecasts": scores.table,
        "dwell": scores.dwell,
        "couplings": coupling_table(model),
        "penalties": pd.DataFrame(dict(model.history)),
    }
    return write_tables(tables, folder, kind)
