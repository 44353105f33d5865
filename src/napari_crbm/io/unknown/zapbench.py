"""ZAPBench (Lueckmann et al., ICLR 2025): a folder of Zarr stores with a JSON table of cells.

``traces`` (T, N) is dF/F; row ``i`` of ``dataframe.json``, label ``i + 1``, is the cell of
column ``i``. The published recording (7,879 frames of 71,721 cells) has nine consecutive
conditions, which become segments. Voxel size and volume time are assumed; they have not been
checked against the files.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_crbm.errors import CRBMError, RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.folders import json_table
from napari_crbm.io.reading.sources import Array, container_of, opened
from napari_crbm.io.unknown import by_profile
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.recording import Recording

TRACES, CELLS = "traces", "dataframe.json"

#: Assumed size of a voxel along x and y, and along z, in micrometres.
VOXEL_UM = (0.406, 4.0)

#: Assumed time from volume to volume in seconds.
VOLUME_S = 0.914

#: First frame of each condition in a recording of `PUBLISHED_FRAMES` frames.
CONDITIONS = {
    "gain": 0,
    "dots": 649,
    "flash": 2422,
    "taxis": 3078,
    "turning": 3735,
    "position": 5047,
    "open loop": 5638,
    "rotation": 6623,
    "dark": 7279,
}
PUBLISHED_FRAMES = 7879


def can_read(path: Path) -> bool:
    """Return whether a folder has traces and a table with a label and a centroid for each cell."""
    if not path.is_dir() or not (path / TRACES).is_dir() or not (path / CELLS).is_file():
        return False
    with suppress(CRBMError, OSError):
        return container_of(path) == "folder" and len(_centroids(json_table(path / CELLS))) == 3
    return False


def read(path: Path, options: ReadOptions) -> Recording:
    """Read traces, positions and conditions.

    The size of voxels and the time between volumes are assumed unless options give them. The
    directions of the axes are assumed too, with a warning.

    Raises
    ------
    FormatError, RecordingError
    """
    with opened(path) as arrays:
        table = json_table(path / CELLS)
        n_frames, n_cells = _shape(arrays)
    labels = np.ravel(table["label"])
    if len(labels) != n_cells:
        raise RecordingError(
            f"'{CELLS}' lists {len(labels):,} cells, but '{TRACES}' has {n_cells:,} columns. "
            "They probably belong to different releases."
        )
    if not (labels == np.arange(1, n_cells + 1)).all():
        raise RecordingError(
            f"The labels in '{CELLS}' are not 1 to {n_cells:,} in this order, so the "
            f"columns of '{TRACES}' cannot be assigned to cells."
        )
    profile = Profile(
        positions=tuple(f"{CELLS}/{name}" for name in _centroids(table)),
        activity=TRACES,
        holds="fluorescence",
        # The longest axis of the volume, x, runs along the body.
        axes="yxz",
        unit="pixel",
        um_per_pixel=VOXEL_UM[0],
        plane_spacing_um=VOXEL_UM[1],
        frame_rate_hz=1 / VOLUME_S,
        name="ZAPBench",
    )
    recording = by_profile.read(path, profile, options)
    warnings.warn(
        "ZAPBench does not say which end of the axes is anterior, dorsal or left. Assumed: x from "
        "anterior to posterior, y from left to right, z from dorsal to ventral. Use --flip-z if "
        "depths are upside down.",
        stacklevel=2,
    )
    if n_frames != PUBLISHED_FRAMES:
        return recording
    ends = [*list(CONDITIONS.values())[1:], PUBLISHED_FRAMES]
    told = ", ".join(
        f"{name} {start} to {end - 1}"
        for (name, start), end in zip(CONDITIONS.items(), ends, strict=True)
    )
    recording = replace(
        recording,
        boundaries=tuple(ends[:-1]),
        metadata={**recording.metadata, "conditions": told},
    )
    return recording.with_step("conditions as segments", frames=told)


def _shape(arrays: Mapping[str, Array]) -> tuple[int, int]:
    if TRACES not in arrays or len(arrays[TRACES].shape) != 2:
        raise RecordingError(f"'{TRACES}' must be one array (frames, cells).")
    n_frames, n_cells = arrays[TRACES].shape
    return n_frames, n_cells


def _centroids(table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the columns with the centroid along x, y and z."""
    if "label" not in table:
        return ()
    return tuple(name for name in (f"centroid_{axis}" for axis in "xyz") if name in table)
