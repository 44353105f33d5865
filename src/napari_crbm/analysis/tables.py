"""Tables as files: CSV for everybody, Parquet for many rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_crbm.errors import CRBMError

TABLE_ENDINGS = (".csv", ".parquet")


def write_table(
    table: pd.DataFrame,
    path: Path | str,
    *,
    index: bool = False,
    float_format: str | None = "%.6g",
) -> Path:
    """Write a table, as CSV with six digits or as Parquet with all, by the ending.

    Parameters
    ----------
    table : pandas.DataFrame
    path : path
    index : bool
        Whether the index is kept, as the first column.
    float_format : str or None
        Of numbers in CSV; None writes all digits.

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
        table.to_csv(path, index=index, float_format=float_format)
        return path
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise CRBMError(
            "Parquet files need a package that is not installed: pip install "
            "'napari-crbm[parquet]', or choose CSV."
        ) from error
    whole = table.reset_index() if index else table
    # Columns that mix numbers and "auto" become text.
    mixed = {
        name: str
        for name in whole.columns
        if whole[name].dtype == object and whole[name].map(type).nunique() > 1
    }
    whole.astype(mixed).to_parquet(path, index=False, engine="pyarrow")
    return path
