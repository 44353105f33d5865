"""BrainGlobe atlases from the local cache."""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.label_volume import axes_from, volume_atlas
from napari_crbm.anatomy.structures import Atlas, Structure
from napari_crbm.errors import RecordingError, install_extra


def from_brainglobe(atlas: Any) -> Atlas:
    """Make an atlas from a ``brainglobe_atlasapi.BrainGlobeAtlas`` or an object with its fields."""
    ids = list(atlas.structures)
    # The root is not a region; all structures below it are.
    tree = {int(i): [int(p) for p in atlas.structures[i]["structure_id_path"]] for i in ids}
    kept = [i for i in tree if len(tree[i]) > 1]
    place = {identity: k for k, identity in enumerate(kept)}
    structures = {
        i: Structure(
            str(atlas.structures[i]["name"]),
            str(atlas.structures[i]["acronym"]),
            place.get(tree[i][-2]),
            _rgb(atlas.structures[i]["rgb_triplet"]),
        )
        for i in kept
    }
    spacing = tuple(float(value) for value in atlas.resolution)
    made = volume_atlas(
        str(atlas.atlas_name),
        np.asarray(atlas.annotation),
        (spacing[0], spacing[1], spacing[2]),
        structures,
        str(atlas.orientation),
    )
    order, flips = axes_from(str(atlas.orientation))

    def mesh(structure: int) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        identity = kept[structure]
        # Use cached surfaces only; a click must not start hundreds of downloads.
        if not Path(str(atlas.structures[identity]["mesh_filename"])).exists():
            return None
        found = atlas.mesh_from_structure(identity)
        vertices = np.asarray(found.points, dtype=np.float32)[:, list(order)]
        turn = np.array(flips)
        vertices[:, turn] = made.extent_um[turn].astype(np.float32) - vertices[:, turn]
        return vertices, np.asarray(found.cells[0].data, dtype=np.int64)

    return replace(made, meshes=mesh)


def cached_brainglobe() -> list[str]:
    """List the BrainGlobe atlases in the local cache, without importing the library.

    Importing the library takes seconds; its settings file contains the path of the atlases.
    """
    settings = configparser.ConfigParser()
    folder = os.environ.get("BRAINGLOBE_CONFIG_DIR") or Path.home() / ".config" / "brainglobe"
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        settings.read(Path(folder) / "bg_config.conf")
    base = settings.get("default_dirs", "brainglobe_dir", fallback=str(Path.home() / ".brainglobe"))
    found = Path(base).expanduser().glob("brainglobe-atlasapi/atlases/*/*/manifest.json")
    return sorted({manifest.parents[1].name for manifest in found})


def open_brainglobe(name: str, *, download: bool = False) -> Atlas:
    """Open a BrainGlobe atlas from the local cache.

    Parameters
    ----------
    name : str
        For example "mpin_zfish_1um", the larval zebrafish.
    download : bool
        Download it if it is not cached (needs the internet and takes minutes).

    Raises
    ------
    RecordingError
        If the atlas is not available or the library is not installed; the message says what to
        do.
    """
    if importlib.util.find_spec("brainglobe_atlasapi") is None:
        raise RecordingError(
            f"The atlas '{name}' needs brainglobe-atlasapi: {install_extra('atlas')}. Or use the "
            "recording's own regions, or a label volume file."
        )
    cached = cached_brainglobe()
    if name not in cached and not download:
        there = f"there are {', '.join(cached)}" if cached else "there is none yet"
        raise RecordingError(
            f"The atlas '{name}' is not on this machine ({there}). With an internet connection, "
            f"tick 'Download' or run 'brainglobe install -a {name}' once; it works offline from "
            "then on."
        )
    from brainglobe_atlasapi import BrainGlobeAtlas

    try:
        return from_brainglobe(BrainGlobeAtlas(name, check_latest=False))
    except Exception as error:
        # The library reports a missing connection in many ways, also as an unknown name.
        if name in cached:
            what, hint = "is here only in part, and the rest could not be fetched", "Is there"
        else:
            what, hint = "could not be fetched", "Is the name one that 'brainglobe list' shows, and"
            hint = f"{hint} is there"
        raise RecordingError(
            f"The atlas '{name}' {what} ({type(error).__name__}: {error}). {hint} an internet "
            "connection?"
        ) from error


def _rgb(triplet: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) / 255 for value in triplet)
    return red, green, blue
