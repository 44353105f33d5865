"""Structures of an atlas: a tree of names, and their positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.anatomy.colours import region_colours
from napari_crbm.anatomy.names import split_side
from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions

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
        Lies on the midline and is not divided into left and right.
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
        x of the plane between left and right.
    meshes : callable, optional
        Takes the position of a structure, returns vertices (V, 3) in micrometres
        (z, y, x) and faces (F, 3), or None if the atlas has no surface of it.
    grain_um : float
        Spatial resolution of the atlas: the size of a voxel.
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
        """Return the structure and its ancestors, the root first."""
        path = [structure]
        while (parent := self.structures[path[-1]].parent) is not None:
            path.append(parent)
        return path[::-1]

    def descendants(self, structure: int) -> list[int]:
        """Return the structure and its descendants."""
        return [k for k in range(len(self.structures)) if structure in self.ancestors(k)]

    def find(self, name: str) -> tuple[int, str]:
        """Find index and side ("left", "right", "") of a region named as `regions_of` does.

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
        """Return which points (P, 3) lie in a structure, (P,)."""
        return np.asarray(self.structure_at(np.asarray(points_um, dtype=np.float64)) >= 0)

    def colours(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Return RGBA of regions by name: the atlas' own, else derived from the name."""
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
        """Assign regions to neurons at these points.

        Parameters
        ----------
        points_um : (N, 3) float array
            z, y, x in the atlas' space.
        level : int, optional
            Level of the tree; deeper structures are assigned to their ancestor at that level.
            The most specific structures by default; -1 for all levels, which overlap.
        sides : bool
            Divide structures into left and right ("Pallium L", "Pallium R") where the atlas
            does not.

        Returns
        -------
        Regions
            The structures that contain a neuron, in the atlas' order.
        """
        points = np.asarray(points_um, dtype=np.float64)
        # Neurons without position lie in no region.
        known = np.isfinite(points).all(axis=1)
        found = np.full(len(points), -1, dtype=np.int64)
        found[known] = self.structure_at(points[known])
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
        """Return points evenly spread inside the brain, (P, 3) in micrometres."""
        rng = np.random.default_rng(0)
        points = rng.random((_SAMPLES, 3)) * self.extent_um
        return points[self.inside(points)].astype(np.float32)


def _unique(names: list[str]) -> tuple[str, ...]:
    """Make names unique: some atlases use one name for a structure and its part."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)
