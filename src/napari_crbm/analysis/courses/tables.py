"""Tables of tuning: correlation with a course, responses to events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.analysis.courses.events import Triggered
from napari_crbm.analysis.courses.following import Following
from napari_crbm.analysis.courses.responses import Responses
from napari_crbm.analysis.export.tables import write_tables


def tuning_table(following: Following | None, responses: Responses | None) -> pd.DataFrame:
    """Join the correlation with a course and the responses to events, one row per assembly.

    Returns
    -------
    pandas.DataFrame
        Index ``assembly``; columns of `Following.table` and `Responses.table`, of what is given.
    """
    parts = [each.table for each in (following, responses) if each is not None]
    return parts[0].join(parts[1:]) if parts else pd.DataFrame()


def export_tuning(
    following: Following | None,
    responses: Responses | None,
    folder: Path | str,
    kind: str = "csv",
    *,
    places: pd.DataFrame | None = None,
) -> list[Path]:
    """Write tuning as tables into a folder, which is made if it is missing.

    Parameters
    ----------
    following : Following, optional
    responses : Responses, optional
    folder : path
    kind : {"csv", "parquet"}
    places : pandas.DataFrame, optional
        `assembly_table`; its columns ``size`` and ``region`` are added.

    Returns
    -------
    list of Path
        ``tuning`` (one row per assembly, see `tuning_table`), ``tuning_neurons``,
        ``tuning_regions``, and ``triggered``: the averages around events, one row per assembly
        or region and time.
    """
    table = tuning_table(following, responses)
    if places is not None:
        table = table.join(places[["size", "region"]])
    tables = {"tuning": table.reset_index()}
    if following is not None:
        tables["tuning_neurons"] = following.neurons.reset_index()
    if responses is not None:
        averages = [_long("assembly", range(len(responses.table)), responses.assemblies, responses)]
        if responses.regions is not None:
            tables["tuning_regions"] = responses.region_table.reset_index()
            names = responses.region_names
            averages.append(_long("region", names, responses.regions, responses))
        tables["triggered"] = pd.concat(averages, ignore_index=True)
    return write_tables(tables, folder, kind)


def _long(
    kind: str, names: range | tuple[str, ...], triggered: Triggered, responses: Responses
) -> pd.DataFrame:
    """Return one row per unit and time."""
    n_times, n_units = triggered.mean.shape
    return pd.DataFrame(
        {
            "of": kind,
            "name": np.repeat([str(name) for name in names], n_times),
            "time_s": np.tile(responses.times_s, n_units),
            "mean": triggered.mean.T.ravel(),
            "low": triggered.low.T.ravel(),
            "high": triggered.high.T.ravel(),
        }
    )
