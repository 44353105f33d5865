"""Write tables as CSV or, for many rows, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.enrichment import region_enrichment
from napari_crbm.analysis.assemblies.table import assembly_table, member_table
from napari_crbm.errors import CRBMError, install_extra
from napari_crbm.io.safety.replacing import make_folder, replacing
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

TABLE_ENDINGS = (".csv", ".parquet")


def write_table(
    table: pd.DataFrame,
    path: Path | str,
    *,
    index: bool = False,
    float_format: str | None = "%.6g",
) -> Path:
    """Write a table as CSV (six digits) or Parquet (all digits), depending on the file ending.

    Parameters
    ----------
    table : pandas.DataFrame
    path : path
    index : bool
        Whether the index is kept, as the first column.
    float_format : str or None
        Format of numbers in CSV; None writes all digits.

    Raises
    ------
    CRBMError
        If the ending is neither, or the package for Parquet is missing.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in TABLE_ENDINGS:
        raise CRBMError(f"'{path.name}' must end in {' or '.join(TABLE_ENDINGS)} to hold a table.")
    if ending == ".csv":
        with replacing(path) as temporary:
            table.to_csv(temporary, index=index, float_format=float_format)
        return path
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise CRBMError(
            f"Parquet files need the library pyarrow: {install_extra('parquet')}, or choose CSV."
        ) from error
    whole = table.reset_index() if index else table
    # Columns that mix numbers and "auto" become text.
    mixed = {
        name: str
        for name in whole.columns
        if whole[name].dtype == object and whole[name].map(type).nunique() > 1
    }
    with replacing(path) as temporary:
        whole.astype(mixed).to_parquet(temporary, index=False, engine="pyarrow")
    return path


def write_tables(
    tables: Mapping[str, pd.DataFrame], folder: Path | str, kind: str = "csv"
) -> list[Path]:
    """Write each table under its name into a folder, which is made if it is missing.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
    folder : path
    kind : {"csv", "parquet"}
    """
    folder = Path(folder)
    make_folder(folder)
    return [write_table(table, folder / f"{name}.{kind}") for name, table in tables.items()]


def export_tables(
    model: CRBM,
    recording: Recording,
    folder: Path | str,
    activity: NDArray[np.floating] | None = None,
    *,
    file_format: str = "csv",
    evidence: pd.DataFrame | None = None,
) -> list[Path]:
    """Write the assemblies, their members, weights and activity as tables into a folder.

    Parameters
    ----------
    model, recording, activity, evidence
        As in `assembly_table`.
    folder : path
        Made if there is none.
    file_format : {"csv", "parquet"}

    Returns
    -------
    list of Path
        ``assemblies`` (see `assembly_table`), ``members`` (see `member_table`), ``weights``
        (``neuron, assembly, weight``, all that are not zero) and ``activity`` (``time_s`` and
        one column of E[h | v] per assembly).
    """
    if activity is None:
        activity = model.transform(recording.spikes)
    neuron, assembly = np.nonzero(model.weights_)
    traces = pd.DataFrame(
        activity, columns=[f"assembly_{unit}" for unit in range(activity.shape[1])]
    )
    traces.insert(0, "time_s", recording.times)
    tables = {
        "assemblies": assembly_table(
            model,
            recording,
            activity,
            evidence=evidence,
            enrichment=region_enrichment(model, recording),
        ).reset_index(),
        "members": member_table(model, recording),
        "weights": pd.DataFrame(
            {"neuron": neuron, "assembly": assembly, "weight": model.weights_[neuron, assembly]}
        ),
        "activity": traces,
    }
    return write_tables(tables, folder, file_format)
