"""Choose the format of files that commands write.

Single files take their format from the ending of their name; folders of tables from
``--format``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.console import refuse_without, require_choice

TABLE_ENDINGS = (".csv", ".parquet")

TableFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Format of the tables: 'csv', or 'parquet' (extra 'parquet').",
        show_default="csv",
    ),
]
# Former name of this option.
Parquet = Annotated[bool, typer.Option("--parquet", hidden=True)]


def table_format(chosen: str | None, output: Path | None, parquet: bool = False) -> str:
    """Return "csv" or "parquet"; refuse a choice without a folder that can be written to."""
    from napari_crbm.io.safety.replacing import require_folder

    refuse_without("--output", output is not None, format=chosen, parquet=parquet)
    if chosen is not None:
        require_choice(chosen, ("csv", "parquet"), "--format")
    if parquet and chosen == "csv":
        raise typer.BadParameter("contradicts --parquet.", param_hint="--format")
    if output is not None:
        require_folder(output)
    return "parquet" if parquet else chosen or "csv"
