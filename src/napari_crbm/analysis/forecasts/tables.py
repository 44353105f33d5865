"""Forecasts and couplings of a temporal model as tables in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.analysis.export.tables import write_tables
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
        ``forecasts`` (`ForecastScores.table`), ``couplings`` (`coupling_table`) and ``penalties``
        (one row for each penalty that was tried).
    """
    tables = {
        "forecasts": scores.table,
        "couplings": coupling_table(model),
        "penalties": pd.DataFrame(dict(model.history)),
    }
    return write_tables(tables, folder, kind)
