"""Generated frames and their comparison as files."""

from __future__ import annotations

from pathlib import Path

from napari_crbm.analysis.dreams.making import Dream
from napari_crbm.analysis.export.tables import write_tables
from napari_crbm.io import save_recording


def export_dream(dream: Dream, folder: Path | str, kind: str = "csv") -> list[Path]:
    """Write the comparison as tables, and the generated frames as a recording.

    Parameters
    ----------
    dream : Dream
    folder : path
        Made if missing.
    kind : {"csv", "parquet"}

    Returns
    -------
    list of Path
        ``told_apart`` and ``nearest`` (`Discrimination`), and ``generated.h5``.
    """
    found = dream.discrimination
    paths = write_tables({"told_apart": found.table, "nearest": found.nearest}, folder, kind)
    return [*paths, save_recording(dream.generated, Path(folder) / "generated.h5")]
