"""Suite2p's MATLAB export: one plane or all of them in ``Fall.mat``.

``F``, ``Fneu`` and ``spks`` (cells, frames), ``iscell`` (cells, 2), the cell array ``stat``
with the structure of every cell, and the structure ``ops``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.formats.suite2p.planes import Plane, joined
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.matlab import numeric_arrays
from napari_crbm.io.reading.sources import container_of, damage_named
from napari_crbm.recording import Recording


def can_read(path: Path) -> bool:
    """Return whether a file is named like the export and is a MATLAB file up to version 7."""
    return path.name.lower() == "fall.mat" and container_of(path) == "matlab"


def read(path: Path, options: ReadOptions) -> Recording:
    """Read all kept cells.

    Raises
    ------
    FormatError
        If the file cannot be read.
    RecordingError
        If arrays are missing or contradict each other.
    """
    with damage_named(path):
        arrays = numeric_arrays(path)
    if "F" not in arrays or arrays["F"].ndim != 2:
        raise RecordingError(
            "A file named Fall.mat is Suite2p's export and must hold 'F' of shape (cells, "
            f"frames); found {', '.join(sorted(arrays)[:8]) or 'nothing'}. Rename it if it is "
            "another file."
        )
    traces = arrays["F"]
    n_cells = len(traces)
    kept = np.ones(n_cells, dtype=bool)
    if "iscell" in arrays:
        if len(arrays["iscell"]) != n_cells:
            raise RecordingError(
                f"'iscell' judges {len(arrays['iscell']):,} cells, 'F' holds {n_cells:,}."
            )
        kept = np.atleast_2d(arrays["iscell"])[:, 0] == 1
    settings = {
        name: arrays[f"ops/{name}"]
        for name in ("fs", "neucoeff", "badframes")
        if f"ops/{name}" in arrays
    }
    plane = Plane(
        path.name,
        0,
        traces,
        arrays.get("Fneu"),
        arrays.get("spks"),
        kept,
        _centres(arrays, n_cells),
        settings,
    )
    notes: dict[str, Any] = {"file": path.name}
    name = path.parent.name if path.parent.name not in ("", "suite2p", "plane0") else path.stem
    return joined([plane], name, options, notes, "ops.fs")


def _centres(arrays: dict[str, NDArray[Any]], n_cells: int) -> NDArray[np.float64]:
    """Return y, x of every cell in pixels."""
    med = arrays.get("stat/med")
    if med is not None and med.shape == (n_cells, 2):
        return med.astype(np.float64)
    centres = np.zeros((n_cells, 2))
    for column, name in enumerate(("stat/ypix", "stat/xpix")):
        values, counts = arrays.get(name), arrays.get(f"{name}#counts")
        if values is None or counts is None or len(counts) != n_cells or not (counts > 0).all():
            raise RecordingError(
                "'stat' gives no position for each cell ('med', or 'ypix' and 'xpix')."
            )
        cell = np.repeat(np.arange(n_cells), counts.astype(np.int64))
        centres[:, column] = np.bincount(cell, values.ravel(), n_cells) / counts
    return centres
