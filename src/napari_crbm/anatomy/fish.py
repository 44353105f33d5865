"""A parametric larval zebrafish brain, about six days old, for simulated recordings.

Proportions follow the published atlases of 6 dpf larvae in words and numbers only
(ZBrain: Randlett et al. 2015; mapzebrain: Kunst et al. 2019): about 950 um long, 440 um
wide at the optic tectum and 280 um deep. Positions are approximate. The model reproduces what a
simulated recording needs: layout, neighbourhoods, dense cell layers and sparse neuropil.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.colours import region_colours
from napari_crbm.anatomy.shapes import CLEFT_UM, Ellipsoid, Solid, Tube, surface
from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions

#: Extent of the brain in micrometres: z (depth), y (length), x (width).
EXTENT_UM = (290.0, 980.0, 460.0)
#: Position of the midline on the x axis, micrometres.
MIDLINE_UM = EXTENT_UM[2] / 2

_BATCH = 1 << 15


@dataclass(frozen=True)
class Part:
    """One named structure: a solid, how densely cells fill it, and its neuropil."""

    name: str
    solid: Solid
    density: float = 1.0
    midline: bool = False
    neuropil: Ellipsoid | None = None
    neuropil_density: float = 0.1

    def cell_density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the relative density of cells at (P, 3) points (z, y, lateral), (P,)."""
        density = np.where(self.solid.level(points) <= 1.0, self.density, 0.0)
        if not self.midline:
            density[points[:, 2] < CLEFT_UM] = 0.0
        if self.neuropil is not None:
            # A soft edge: the density of cells decreases gradually in neuropil.
            edge = np.clip((1.1 - self.neuropil.level(points)) / 0.25, 0.0, 1.0)
            density *= 1.0 - edge * (1.0 - self.neuropil_density)
        return density


@dataclass(frozen=True)
class Anatomy:
    """Named brain structures from which neurons can be drawn.

    Parameters
    ----------
    parts : tuple of Part
        Where two overlap, the first one listed counts.
    """

    parts: tuple[Part, ...]

    @property
    def midline_um(self) -> float:
        """X of the plane of symmetry, micrometres."""
        return MIDLINE_UM

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Region names; the two sides of a bilateral structure end in " L" and " R"."""
        return tuple(name for part in self.parts for name in _sides(part))

    @property
    def colours(self) -> NDArray[np.float64]:
        """RGBA of every region, (R, 4)."""
        return region_colours(self.names)

    def sample(
        self, n_neurons: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], Regions]:
        """Draw neurons, dense in nuclei and sparse in neuropil.

        Parameters
        ----------
        n_neurons : int
        rng : numpy.random.Generator

        Returns
        -------
        coordinates : (N, 3) float32
            z, y, x in micrometres, ordered by imaging plane (10 um), then y.
        regions : Regions
            One region per neuron.

        Raises
        ------
        RecordingError
            If ``n_neurons`` is not positive.
        """
        if n_neurons < 1:
            raise RecordingError(f"At least one neuron is needed; {n_neurons} were asked for.")
        kept: list[NDArray[np.float64]] = []
        owners: list[NDArray[np.int64]] = []
        while sum(map(len, kept)) < n_neurons:
            points = rng.random((_BATCH, 3)) * np.asarray(EXTENT_UM)
            chance = rng.random(_BATCH)
            owner, density = self._owner(points)
            taken = chance < density
            kept.append(points[taken])
            owners.append(owner[taken])
        points = np.concatenate(kept)[:n_neurons]
        labels = self._labels(points, np.concatenate(owners)[:n_neurons])
        order = np.lexsort((points[:, 1], points[:, 0] // 10.0))
        return points[order].astype(np.float32), Regions.from_labels(labels[order], self.names)

    def region_at(self, points_um: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the region at each point (P, 3), z, y, x, as an index into `names`; -1 outside."""
        points = np.asarray(points_um, dtype=np.float64)
        owner, _ = self._owner(points)
        return np.where(owner >= 0, self._labels(points, owner), -1)

    def region_meshes(
        self,
    ) -> list[tuple[str, NDArray[np.float32], NDArray[np.int64]]]:
        """Return the surface of every region.

        Returns
        -------
        list of (name, vertices, faces)
            Vertices (V, 3) float32 in micrometres (z, y, x), faces (F, 3) int64; in the
            order of `names`.
        """
        return list(self._meshes())

    def _meshes(self) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.int64]]]:
        for part in self.parts:
            vertices, faces = surface(part.solid, -np.inf if part.midline else CLEFT_UM)
            for name in _sides(part):
                left = name.endswith(" L")
                placed = vertices.copy()
                placed[:, 2] = MIDLINE_UM + (-vertices[:, 2] if left else vertices[:, 2])
                # Mirroring turns a triangle inside out.
                yield name, placed.astype(np.float32), faces[:, ::-1] if left else faces

    def _owner(self, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return part and cell density at (P, 3) points in z, y, x; -1 and 0 outside."""
        folded = points.copy()
        folded[:, 2] = np.abs(points[:, 2] - MIDLINE_UM)
        owner = np.full(len(points), -1, dtype=np.int64)
        density = np.zeros(len(points))
        for number, part in enumerate(self.parts):
            free = np.flatnonzero(owner < 0)
            local = part.cell_density(folded[free])
            inside = local > 0
            owner[free[inside]] = number
            density[free[inside]] = local[inside]
        return owner, density

    def _labels(self, points: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.int64]:
        widths = np.array([len(_sides(part)) for part in self.parts])
        first = np.concatenate([[0], np.cumsum(widths)[:-1]])
        right = (points[:, 2] > MIDLINE_UM) & (widths[owner] == 2)
        return np.asarray(first[owner] + right)


def _sides(part: Part) -> tuple[str, ...]:
    return (part.name,) if part.midline else (f"{part.name} L", f"{part.name} R")


def _hindbrain(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half width, dorsal and ventral surface of the hindbrain at (P,) y: (3, P)."""
    knots = (540.0, 620.0, 700.0, 780.0, 860.0, 920.0, 980.0)
    width = np.interp(y, knots, (112.0, 128.0, 122.0, 104.0, 80.0, 60.0, 34.0))
    top = np.interp(y, knots, (85.0, 80.0, 78.0, 84.0, 96.0, 110.0, 128.0))
    bottom = np.interp(y, knots, (236.0, 248.0, 250.0, 245.0, 236.0, 224.0, 202.0))
    return np.stack([width, top, bottom])


def _rhombomere(start: float, stop: float) -> Tube:
    return Tube((start, stop), _hindbrain, opening=0.38, opening_below=160.0)


@lru_cache(maxsize=1)
def larval_fish() -> Anatomy:
    """Return the brain of a larval zebrafish, about six days old.

    Returns
    -------
    Anatomy
        Telencephalon to rhombomere 7: bilateral structures and a few on the midline.
    """
    rhombomeres = (540.0, 610.0, 655.0, 700.0, 745.0, 795.0, 850.0, 968.0)
    hindbrain_neuropil = Ellipsoid((205.0, 740.0, 88.0), (52.0, 190.0, 34.0), yaw=-9.0)
    e = Ellipsoid
    return Anatomy(
        (
            Part("Habenula", e((58, 238, 27), (24, 27, 19)), 1.0),
            Part("Pineal", e((38, 228, 0), (12, 15, 13)), 0.9, midline=True),
            Part("Torus longitudinalis", e((66, 372, 14), (13, 92, 9), yaw=-1, pitch=-6), 1.0),
            Part("Olfactory bulb", e((128, 46, 31), (40, 40, 27), yaw=-10), 0.9),
            Part(
                "Pallium",
                e((98, 142, 52), (50, 84, 47), yaw=-6, power=2.4),
                0.95,
                neuropil=e((108, 132, 66), (26, 48, 20)),
                neuropil_density=0.3,
            ),
            Part("Subpallium", e((160, 140, 40), (44, 76, 37), power=2.2), 0.85),
            Part("Preoptic region", e((196, 226, 22), (42, 42, 20), pitch=-15), 0.8),
            Part(
                "Optic tectum",
                e((94, 405, 108), (86, 162, 106), yaw=3, roll=-12),
                0.95,
                neuropil=e((92, 378, 160), (58, 112, 50), yaw=-10, roll=-10),
                neuropil_density=0.16,
            ),
            Part(
                "Pretectum",
                e((122, 292, 82), (38, 44, 40)),
                0.8,
                neuropil=e((122, 280, 108), (22, 30, 18)),
                neuropil_density=0.2,
            ),
            Part("Thalamus", e((132, 282, 36), (50, 58, 36)), 0.9),
            Part(
                "Cerebellum",
                e((88, 578, 74), (52, 48, 92), yaw=-14, roll=-10, power=2.2),
                1.0,
                neuropil=e((70, 575, 96), (20, 20, 52), yaw=-16),
                neuropil_density=0.3,
            ),
            Part("Torus semicircularis", e((156, 480, 92), (36, 62, 44), yaw=-12), 0.8),
            Part("Interpeduncular nucleus", e((222, 520, 0), (22, 34, 17)), 0.9, midline=True),
            Part("Raphe nucleus", e((196, 574, 0), (34, 40, 11)), 0.9, midline=True),
            Part(
                "Tegmentum",
                e((178, 442, 50), (58, 118, 50), power=2.3),
                0.75,
                neuropil=e((190, 440, 72), (26, 60, 22)),
                neuropil_density=0.25,
            ),
            Part("Posterior tuberculum", e((198, 318, 32), (34, 52, 30)), 0.85),
            Part("Rostral hypothalamus", e((238, 300, 28), (30, 48, 27)), 0.85),
            Part(
                "Intermediate hypothalamus",
                e((250, 372, 54), (31, 58, 46), yaw=14),
                0.85,
                neuropil=e((250, 372, 70), (16, 30, 18)),
                neuropil_density=0.2,
            ),
            Part("Caudal hypothalamus", e((248, 432, 26), (30, 46, 26)), 0.9),
            Part("Inferior olive", e((226, 812, 20), (16, 52, 15)), 0.9),
            Part("Medial octavolateral nucleus", e((108, 668, 104), (24, 58, 24), yaw=-8), 0.9),
            Part("Vagal region", e((126, 858, 56), (28, 66, 21), yaw=-15), 0.95),
            *(
                Part(
                    f"Rhombomere {number}",
                    _rhombomere(start, stop),
                    0.75,
                    neuropil=hindbrain_neuropil,
                    neuropil_density=0.22,
                )
                for number, (start, stop) in enumerate(pairwise(rhombomeres), start=1)
            ),
        )
    )
