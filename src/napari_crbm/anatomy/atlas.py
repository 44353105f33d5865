"""Atlases: which brain region lies where.

An atlas is a tree of structures and a rule that tells the structure at a point. The rule
is a labelled volume (BrainGlobe's, or one's own), or the parametric fish, which needs no
file. Points are micrometres in the axes of a recording: z dorsal to ventral, y anterior
to posterior, x left to right; the origin is a corner of the volume.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.anatomy.colours import region_colours
from napari_crbm.anatomy.fish import EXTENT_UM, larval_fish
from napari_crbm.anatomy.names import split_side
from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions

#: Name under which `open_atlas` knows the parametric fish.
LARVAL_FISH = "larval-fish"

#: Where the axes of a recording start: superior (dorsal), anterior, left.
ORIENTATION = "sal"
_SAMPLES = 40_000


@dataclass(frozen=True)
class Structure:
    """One node of an atlas' tree.

    Parameters
    ----------
    name, acronym : str
    parent : int or None
        Position of the parent among the atlas' structures.
    colour : (r, g, b) in [0, 1], optional
    midline : bool
        Lies on the midline and is not parted in left and right.
    """

    name: str
    acronym: str = ""
    parent: int | None = None
    colour: tuple[float, float, float] | None = None
    midline: bool = False


@dataclass(frozen=True, eq=False)
class Atlas:
    """Named structures in space.

    Parameters
    ----------
    name : str
    structures : tuple of Structure
    structure_at : callable
        Takes (P, 3) points in micrometres (z, y, x), returns the position of the most
        specific structure there, (P,) int; -1 outside the brain.
    extent_um : (3,) float64
        Size of the volume along z, y, x.
    midline_um : float
        x that parts left from right.
    meshes : callable, optional
        Takes the position of a structure, returns vertices (V, 3) in micrometres
        (z, y, x) and faces (F, 3), or None if the atlas brings no surface of it.
    grain_um : float
        Distance below which places are not told apart: the size of a voxel.
    """

    name: str
    structures: tuple[Structure, ...]
    structure_at: Callable[[NDArray[np.float64]], NDArray[np.int64]]
    extent_um: NDArray[np.float64]
    midline_um: float
    meshes: Callable[[int], tuple[NDArray[np.float32], NDArray[np.int64]] | None] | None = None
    grain_um: float = 4.0

    @cached_property
    def depth(self) -> NDArray[np.int64]:
        """Level of every structure in the tree, 0 at the top, (S,)."""
        return np.array([len(self.ancestors(k)) - 1 for k in range(len(self.structures))])

    @property
    def n_levels(self) -> int:
        """Levels of the tree."""
        return int(self.depth.max()) + 1

    def ancestors(self, structure: int) -> list[int]:
        """The structure and all above it, the topmost first."""
        path = [structure]
        while (parent := self.structures[path[-1]].parent) is not None:
            path.append(parent)
        return path[::-1]

    def descendants(self, structure: int) -> list[int]:
        """The structure and all below it."""
        return [k for k in range(len(self.structures)) if structure in self.ancestors(k)]

    def find(self, name: str) -> tuple[int, str]:
        """Position and side ("left", "right", "") of a region named as `regions_of` does.

        Raises
        ------
        RecordingError
            If there is none of that name.
        """
        names = [each.name for each in self.structures]
        if name in names:
            return names.index(name), ""
        plain, side = name[:-2], {" L": "left", " R": "right"}.get(name[-2:], "")
        if not side or plain not in names:
            raise RecordingError(f"The atlas {self.name} has no structure '{name}'.")
        return names.index(plain), side

    def inside(self, points_um: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which points (P, 3) lie in a structure, (P,)."""
        return np.asarray(self.structure_at(np.asarray(points_um, dtype=np.float64)) >= 0)

    def colours(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """RGBA of regions by name, both sides alike: the atlas' own, else made by name."""
        own = {split_side(each.name)[0]: each.colour for each in self.structures if each.colour}
        rgba = region_colours(names)
        for row, name in enumerate(names):
            rgba[row, :3] = own.get(split_side(name)[0], rgba[row, :3])
        return rgba

    def regions_of(
        self,
        points_um: NDArray[np.floating],
        *,
        level: int | None = None,
        sides: bool = True,
    ) -> Regions:
        """Regions of neurons at these points.

        Parameters
        ----------
        points_um : (N, 3) float array
            z, y, x in the atlas' space.
        level : int, optional
            Level of the tree; structures below count for their ancestor there. The
            most specific structures by default; -1 for all levels, which overlap.
        sides : bool
            Part left from right ("Pallium L", "Pallium R") where the atlas does not.

        Returns
        -------
        Regions
            Of those structures that hold a neuron, in the atlas' order.
        """
        points = np.asarray(points_um, dtype=np.float64)
        found = self.structure_at(points)
        neuron = np.flatnonzero(found >= 0)
        paths = {int(k): self._at_level(int(k), level) for k in np.unique(found[neuron])}
        rows = np.concatenate(
            [np.repeat(neuron[found[neuron] == k], len(v)) for k, v in paths.items()] or [neuron]
        )
        structures = np.concatenate(
            [np.tile(v, int((found[neuron] == k).sum())) for k, v in paths.items()] or [neuron]
        ).astype(np.int64)
        right = points[rows, 2] > self.midline_um
        whole = np.array(
            [each.midline or bool(split_side(each.name)[1]) for each in self.structures]
        )
        split = sides & ~whole[structures]
        keys = 3 * structures + np.where(split, 1 + right, 0)
        used, columns = np.unique(keys, return_inverse=True)
        names = [self.structures[key // 3].name + ("", " L", " R")[key % 3] for key in used]
        matrix = sparse.csc_array(
            (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(points), len(used))
        )
        return Regions(matrix, _unique(names))

    def _at_level(self, structure: int, level: int | None) -> list[int]:
        path = self.ancestors(structure)
        if level is None:
            return [structure]
        return path if level < 0 else [path[min(level, len(path) - 1)]]

    @cached_property
    def brain_points(self) -> NDArray[np.float32]:
        """Points evenly spread over the inside of the brain, (P, 3) um: its outline to see."""
        rng = np.random.default_rng(0)
        points = rng.random((_SAMPLES, 3)) * self.extent_um
        return points[self.inside(points)].astype(np.float32)


@cache
def fish_atlas() -> Atlas:
    """The parametric larval zebrafish of simulated recordings, as an atlas."""
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


def volume_atlas(
    name: str,
    labels: NDArray[np.integer],
    spacing_um: tuple[float, float, float],
    structures: dict[int, Structure],
    orientation: str = ORIENTATION,
    midline_um: float | None = None,
) -> Atlas:
    """An atlas from a volume of labels; 0 and labels without a structure are outside.

    Parameters
    ----------
    name : str
    labels : (A, B, C) int array
    spacing_um : three floats
        Size of a voxel along the volume's own axes.
    structures : dict of int to Structure
        By label; a ``parent`` is the position in this dict's order.
    orientation : str
        Three letters for where the volume's axes start: s or i (superior, inferior), a
        or p (anterior, posterior), l or r (left, right). "las": x from the left, then
        y from the front, then z from the top.
    midline_um : float, optional
        The middle of the volume by default.

    Raises
    ------
    RecordingError
        If volume, spacing or orientation make no sense.
    """
    if labels.ndim != 3 or 0 in labels.shape:
        raise RecordingError(f"Atlas '{name}' must be a volume of labels; found {labels.shape}.")
    if min(spacing_um) <= 0 or len(spacing_um) != 3:
        raise RecordingError(f"Atlas '{name}' needs three positive voxel sizes, not {spacing_um}.")
    order, flips = axes_from(orientation)
    turned = np.transpose(labels, order)
    turned = turned[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    spacing = np.array([spacing_um[axis] for axis in order])
    shape = np.array(turned.shape)
    known = np.array(list(structures), dtype=np.int64)
    ascending = np.argsort(known)
    ordered = known[ascending]

    def structure_at(points: NDArray[np.float64]) -> NDArray[np.int64]:
        voxel = np.floor(points / spacing).astype(np.int64)
        within = ((voxel >= 0) & (voxel < shape)).all(axis=1)
        result = np.full(len(points), -1, dtype=np.int64)
        label = turned[tuple(voxel[within].T)].astype(np.int64)
        place = np.minimum(np.searchsorted(ordered, label), len(ordered) - 1)
        result[within] = np.where(ordered[place] == label, ascending[place], -1)
        return result

    if not len(known):
        raise RecordingError(f"Atlas '{name}' names no region.")
    extent = shape * spacing
    middle = float(extent[2] / 2) if midline_um is None else midline_um
    return Atlas(
        name,
        tuple(structures.values()),
        structure_at,
        extent,
        middle,
        grain_um=float(spacing.min()),
    )


def axes_from(orientation: str) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which axis of a volume is z, y, x, and whether it runs the other way.

    Raises
    ------
    RecordingError
        If the letters do not name each direction once.
    """
    letters = orientation.lower()
    pairs = ("si", "ap", "lr")
    order, flips = [], []
    for pair in pairs:
        found = [k for k, letter in enumerate(letters) if letter in pair]
        if len(letters) != 3 or len(found) != 1:
            raise RecordingError(
                f"Orientation '{orientation}' must have one letter of each of s/i, a/p and l/r, "
                "for where the first, second and third axis start; for example 'sal'."
            )
        order.append(found[0])
        flips.append(letters[found[0]] != pair[0])
    return (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])


def from_brainglobe(atlas: Any) -> Atlas:
    """Our view of a ``brainglobe_atlasapi.BrainGlobeAtlas``, or anything with its fields."""
    ids = list(atlas.structures)
    # The root alone is no region; everything below it is.
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
        # Only from the cache: fetching hundreds of surfaces behind a click is no surprise to want.
        if not Path(str(atlas.structures[identity]["mesh_filename"])).exists():
            return None
        found = atlas.mesh_from_structure(identity)
        vertices = np.asarray(found.points, dtype=np.float32)[:, list(order)]
        turn = np.array(flips)
        vertices[:, turn] = made.extent_um[turn].astype(np.float32) - vertices[:, turn]
        return vertices, np.asarray(found.cells[0].data, dtype=np.int64)

    return replace(made, meshes=mesh)


def cached_brainglobe() -> list[str]:
    """Names of the BrainGlobe atlases on this machine, without loading the library.

    The library takes seconds to load; its settings file says where atlases lie.
    """
    settings = configparser.ConfigParser()
    folder = os.environ.get("BRAINGLOBE_CONFIG_DIR") or Path.home() / ".config" / "brainglobe"
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        settings.read(Path(folder) / "bg_config.conf")
    base = settings.get("default_dirs", "brainglobe_dir", fallback=str(Path.home() / ".brainglobe"))
    found = Path(base).expanduser().glob("brainglobe-atlasapi/atlases/*/*/manifest.json")
    return sorted({manifest.parents[1].name for manifest in found})


def open_brainglobe(name: str, *, download: bool = False) -> Atlas:
    """Open a BrainGlobe atlas from this machine's cache.

    Parameters
    ----------
    name : str
        For example "mpin_zfish_1um", the larval zebrafish.
    download : bool
        Fetch it if it is not cached (needs the internet, minutes).

    Raises
    ------
    RecordingError
        If the atlas is not there, or the library is not installed; the text says what to do.
    """
    if importlib.util.find_spec("brainglobe_atlasapi") is None:
        raise RecordingError(
            f"The atlas '{name}' needs brainglobe-atlasapi: pip install 'napari-crbm[atlas]'. Or "
            "use the recording's own regions, or a label volume of yours."
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
        # The library reports a missing connection in many ways, unknown names among them.
        if name in cached:
            what, hint = "is here only in part, and the rest could not be fetched", "Is there"
        else:
            what, hint = "could not be fetched", "Is the name one that 'brainglobe list' shows, and"
            hint = f"{hint} is there"
        raise RecordingError(
            f"The atlas '{name}' {what} ({type(error).__name__}: {error}). {hint} an internet "
            "connection?"
        ) from error


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
        Table of labels and names for a volume; see `volumes.read_names`.
    spacing_um, orientation : optional
        Of a volume whose file does not tell; see `volume_atlas`.
    download : bool
        Fetch a BrainGlobe atlas that is not cached.
    """
    if str(source) == LARVAL_FISH:
        return fish_atlas()
    path = Path(source)
    if path.suffix or path.exists():
        from napari_crbm.anatomy.volumes import read_volume_atlas

        return read_volume_atlas(path, names, spacing_um, orientation)
    return open_brainglobe(str(source), download=download)


def _rgb(triplet: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) / 255 for value in triplet)
    return red, green, blue


def _unique(names: list[str]) -> tuple[str, ...]:
    """Names made unique: some atlases use one for a structure and its part."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)
