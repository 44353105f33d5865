"""Atlases: brain regions in space.

An atlas is a tree of structures and a function that returns the structure at a point. It is
made from a label volume (from BrainGlobe or a file) or from the parametric fish, which needs no
file. Points are in micrometres in the axes of a recording: z dorsal to ventral, y anterior
to posterior, x left to right; the origin is a corner of the volume.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.brainglobe import cached_brainglobe, from_brainglobe, open_brainglobe
from napari_crbm.anatomy.fish import EXTENT_UM, larval_fish
from napari_crbm.anatomy.label_volume import ORIENTATION, axes_from, volume_atlas
from napari_crbm.anatomy.names import split_side
from napari_crbm.anatomy.structures import Atlas, Structure

__all__ = [
    "LARVAL_FISH",
    "ORIENTATION",
    "Atlas",
    "Structure",
    "axes_from",
    "cached_brainglobe",
    "fish_atlas",
    "from_brainglobe",
    "open_atlas",
    "open_brainglobe",
    "volume_atlas",
]

#: Name under which `open_atlas` knows the parametric fish.
LARVAL_FISH = "larval-fish"


@cache
def fish_atlas() -> Atlas:
    """Return the parametric larval zebrafish of simulated recordings as an atlas."""
    fish = larval_fish()
    meshes: list[tuple[str, NDArray[np.float32], NDArray[np.int64]]] = []

    def mesh(structure: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if not meshes:
            meshes.extend(fish.region_meshes())
        return meshes[structure][1:]

    return Atlas(
        name=LARVAL_FISH,
        structures=tuple(Structure(name, midline=not split_side(name)[1]) for name in fish.names),
        structure_at=fish.region_at,
        extent_um=np.asarray(EXTENT_UM, dtype=np.float64),
        midline_um=fish.midline_um,
        meshes=mesh,
    )


def open_atlas(
    source: str | Path,
    *,
    names: str | Path | None = None,
    spacing_um: tuple[float, float, float] | None = None,
    orientation: str | None = None,
    download: bool = False,
) -> Atlas:
    """Open an atlas by name or file.

    Parameters
    ----------
    source : str or path
        "larval-fish", a label volume (.tif, .nrrd, .nii, .mat, .npy, .npz), or the name
        of a BrainGlobe atlas.
    names : path, optional
        Table of labels and names for a volume; see `volume_files.read_names`.
    spacing_um, orientation : optional
        For a volume whose file does not contain them; see `volume_atlas`.
    download : bool
        Download a BrainGlobe atlas that is not cached.
    """
    if str(source) == LARVAL_FISH:
        return fish_atlas()
    path = Path(source)
    if path.suffix or path.exists():
        from napari_crbm.anatomy.volume_files import read_volume_atlas

        return read_volume_atlas(path, names, spacing_um, orientation)
    return open_brainglobe(str(source), download=download)
