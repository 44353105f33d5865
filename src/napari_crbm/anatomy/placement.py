"""Map a recording's coordinates into an atlas: axis order, flips, units, affine map.

The usual mistake is a reversed axis. Each combination of flips is scored by the fraction of
neurons inside the brain. A brain is nearly equal to its mirror image, so this score cannot
distinguish left from right. Of equally good placements the one with the fewest flips is chosen;
the user decides about the flip of x.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from napari_crbm.anatomy.structures import Atlas
from napari_crbm.errors import FormatError, RecordingError

_AXES = "zyx"
# Fractions closer than this are equally good.
_TIE = 0.01
_MOST_SCORED = 20_000
# With fewer neurons inside, a placement is doubtful; so is one whose extents differ by more.
_FEW_INSIDE, _UNLIKE = 0.8, 2.0

Three = tuple[float, float, float]
Order = tuple[int, int, int]
Flips = tuple[bool, bool, bool]


@dataclass(frozen=True)
class Placement:
    """Map from coordinates to points of an atlas.

    In this order: axes are reordered, scaled to micrometres, flipped within the atlas'
    extent, turned about its middle, shifted, and mapped by an affine matrix.

    Parameters
    ----------
    extent_um : (3,) floats
        Size of the atlas along z, y, x; a flip mirrors about its middle.
    order : (3,) ints
        Column of the coordinates that is z, y, x.
    flips : (3,) bools
        Whether z, y, x run the other way.
    scale : (3,) floats
        Micrometres per unit along z, y, x: 1000 for millimetres, the voxel size for voxels.
    turn_deg : (3,) floats
        Angles about the axes z, y, x through the middle of the atlas, in degrees, applied
        in this order. About x lifts or lowers the head, about y rolls, about z points the
        head left or right.
    shift_um : (3,) floats
    matrix : (3, 4) or (4, 4) tuple of rows, optional
        Affine map of z, y, x, 1 applied last.
    """

    extent_um: Three
    order: Order = (0, 1, 2)
    flips: Flips = (False, False, False)
    scale: Three = (1.0, 1.0, 1.0)
    turn_deg: Three = (0.0, 0.0, 0.0)
    shift_um: Three = (0.0, 0.0, 0.0)
    matrix: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        if sorted(self.order) != [0, 1, 2]:
            raise RecordingError(f"The order of axes must name each of 0, 1, 2 once: {self.order}.")
        if not np.all(np.isfinite(self.scale)) or min(self.scale) <= 0:
            raise RecordingError(f"Scales must be positive; found {self.scale}.")
        if self.matrix is not None:
            matrix = np.asarray(self.matrix, dtype=np.float64)
            if matrix.shape not in ((3, 4), (4, 4)) or not np.isfinite(matrix).all():
                raise RecordingError("An affine map needs three or four rows of four numbers.")
            if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
                raise RecordingError("The affine map squeezes space flat: it has no inverse.")

    @classmethod
    def onto(cls, atlas: Atlas, **options: object) -> Placement:
        """Make a placement into an atlas; ``options`` are the other fields."""
        z, y, x = (float(value) for value in atlas.extent_um)
        return cls((z, y, x), **options)  # type: ignore[arg-type]

    @cached_property
    def affine(self) -> NDArray[np.float64]:
        """Return the map as one matrix for columns (first, second, third coordinate, 1), (4, 4)."""
        into_axes = np.zeros((4, 4))
        for axis, column in enumerate(self.order):
            into_axes[axis, column] = self.scale[axis]
        into_axes[3, 3] = 1.0
        flip = np.diag([*(-1.0 if flip else 1.0 for flip in self.flips), 1.0])
        flip[:3, 3] = np.where(self.flips, self.extent_um, 0.0)
        middle = np.asarray(self.extent_um) / 2
        # SciPy rotates x, y, z; coordinates here are z, y, x.
        turn = Rotation.from_euler("zyx", self.turn_deg, degrees=True).as_matrix()[::-1, ::-1]
        turned = np.eye(4)
        turned[:3, :3] = turn
        turned[:3, 3] = middle - turn @ middle + self.shift_um
        last = np.eye(4)
        if self.matrix is not None:
            last[:3] = np.asarray(self.matrix, dtype=np.float64)[:3]
        return np.asarray(last @ turned @ flip @ into_axes)

    def apply(self, coordinates: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points in the atlas, (N, 3) in micrometres, for coordinates (N, 3)."""
        points = np.asarray(coordinates, dtype=np.float64)
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3])

    def invert(self, points_um: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the coordinates (N, 3) that are mapped to these points of the atlas."""
        back = np.linalg.inv(self.affine)
        return np.asarray(np.asarray(points_um, dtype=np.float64) @ back[:3, :3].T + back[:3, 3])

    def describe(self) -> str:
        """Describe the placement in words."""
        flipped = [axis for axis, flip in zip(_AXES, self.flips, strict=True) if flip]
        parts = [f"{', '.join(flipped)} flipped" if flipped else "No axis flipped"]
        if self.order != (0, 1, 2):
            parts.append("axes read as " + "".join(_AXES[k] for k in np.argsort(self.order)))
        if self.scale != (1.0, 1.0, 1.0):
            parts.append("scaled by " + ", ".join(f"{value:g}" for value in self.scale))
        if any(self.turn_deg):
            parts.append("turned by " + ", ".join(f"{v:g}" for v in self.turn_deg) + " degrees")
        if any(self.shift_um):
            parts.append("shifted by " + ", ".join(f"{v:g}" for v in self.shift_um) + " um")
        if self.matrix is not None:
            parts.append("mapped by an affine matrix")
        return ", ".join(parts)


def centred(atlas: Atlas, placement: Placement, coordinates: NDArray[np.floating]) -> Placement:
    """Return the placement shifted so that the centre of the neurons is that of the brain."""
    plain = replace(placement, shift_um=(0.0, 0.0, 0.0), matrix=None)
    points, brain = plain.apply(coordinates), atlas.brain_points
    # Outlying neurons would bias a plain mean.
    quantiles = (0.02, 0.98)
    middle = [np.quantile(each, quantiles, axis=0).mean(axis=0) for each in (brain, points)]
    z, y, x = (float(value) for value in np.round(middle[0] - middle[1], 1))
    return replace(placement, shift_um=(z, y, x))


def likely_unit(atlas: Atlas, coordinates: NDArray[np.floating]) -> float:
    """Guess the micrometres per unit of the coordinates from their extent: 1, 1000, ...

    Only powers of a thousand are distinguished: micrometres, millimetres, metres, nanometres.
    """
    extent = float(_extent(coordinates).max())
    if not extent > 0:
        return 1.0
    power = np.round(np.log10(float(np.max(atlas.extent_um)) / extent) / 3)
    return float(1000.0 ** np.clip(power, -1, 2))


def read_affine(path: str | Path) -> tuple[tuple[float, ...], ...]:
    """Read an affine map from a text file: three or four rows of four numbers.

    Rows and columns are z, y, x (and 1); numbers are separated by spaces, tabs or commas.

    Raises
    ------
    FormatError
        If the file holds anything else.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        rows = tuple(
            tuple(float(number) for number in line.replace(",", " ").split())
            for line in lines
            if line.strip() and not line.lstrip().startswith("#")
        )
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FormatError(f"{path.name} cannot be read as an affine map: {error}.") from error
    if len(rows) not in (3, 4) or any(len(row) != 4 for row in rows):
        raise FormatError(
            f"{path.name} has rows of {', '.join(str(len(row)) for row in rows) or 'no'} numbers; "
            "an affine map needs three or four rows of four numbers, in the order z, y, x, 1."
        )
    return rows


def fraction_inside(atlas: Atlas, placement: Placement, coordinates: NDArray[np.floating]) -> float:
    """Return the fraction of the neurons that are inside the atlas' brain."""
    return float(atlas.inside(placement.apply(coordinates)).mean())


def score_placements(
    atlas: Atlas,
    coordinates: NDArray[np.floating],
    start: Placement | None = None,
    *,
    any_order: bool = False,
    centre: bool | None = None,
) -> pd.DataFrame:
    """Score every combination of flips, best first.

    A flip mirrors about the middle of the atlas, so a shift that was right without it is wrong
    with it. Neurons that were shifted are therefore centred within each flip, where this
    places more of them inside.

    Parameters
    ----------
    atlas : Atlas
    coordinates : (N, 3) float array
        From more than 20,000 neurons an evenly spaced sample is scored.
    start : Placement, optional
        Scale, order and shift to keep.
    any_order : bool
        Try all orders of the axes too.
    centre : bool, optional
        Whether to centre the neurons within each flip; by default if ``start`` has a shift
        and no affine map.

    Returns
    -------
    pandas.DataFrame
        ``flip_z, flip_y, flip_x, columns`` (axis assigned to each column of the coordinates),
        ``inside`` (fraction of neurons) and ``placement``. Placements that are equally good
        within 1 % are sorted by the number of flips.
    """
    start = Placement.onto(atlas) if start is None else start
    step = max(1, len(coordinates) // _MOST_SCORED)
    sample = coordinates[::step]
    orders = list(permutations(range(3))) if any_order else [start.order]
    if centre is None:
        centre = any(start.shift_um) and start.matrix is None
    rows = []
    for order, flips in product(orders, product((False, True), repeat=3)):
        placement = replace(
            start, order=(order[0], order[1], order[2]), flips=(flips[0], flips[1], flips[2])
        )
        inside = fraction_inside(atlas, placement, sample)
        if centre:
            moved = centred(atlas, placement, sample)
            inside_moved = fraction_inside(atlas, moved, sample)
            if inside_moved > inside + _TIE:
                placement, inside = moved, inside_moved
        changes = sum(flips) + (order != start.order)
        rows.append(
            (*flips, "".join(_AXES[k] for k in np.argsort(order)), inside, changes, placement)
        )
    columns = ["flip_z", "flip_y", "flip_x", "columns", "inside", "changes", "placement"]
    table = pd.DataFrame(rows, columns=columns)
    tied = table["inside"] >= table["inside"].max() - _TIE
    table = table.assign(tied=~tied).sort_values(["tied", "changes", "inside"], kind="stable")
    best = table[~table["tied"]]
    rest = table[table["tied"]].sort_values("inside", ascending=False, kind="stable")
    ordered = pd.concat([best, rest], ignore_index=True)
    return ordered.drop(columns=["changes", "tied"])


def best_flips(
    atlas: Atlas,
    coordinates: NDArray[np.floating],
    start: Placement | None = None,
    *,
    any_order: bool = False,
    centre: bool | None = None,
) -> tuple[Placement, float]:
    """Return the best placement of `score_placements`, and the fraction of neurons inside."""
    first = score_placements(atlas, coordinates, start, any_order=any_order, centre=centre).iloc[0]
    return first["placement"], float(first["inside"])


def doubts(
    atlas: Atlas,
    placement: Placement,
    coordinates: NDArray[np.floating],
    scores: pd.DataFrame | None = None,
) -> list[str]:
    """Return what is doubtful about a placement, in sentences.

    Parameters
    ----------
    atlas : Atlas
    placement : Placement
    coordinates : (N, 3) float array
    scores : pandas.DataFrame, optional
        The table of `score_placements`: other flips that place as many neurons inside are named.
    """
    found = []
    points = placement.apply(coordinates)
    inside = float(atlas.inside(points).mean())
    if inside < _FEW_INSIDE:
        found.append(
            f"Only {100 * inside:.0f} % of the neurons lie inside {atlas.name}: check the unit, "
            "the order of the axes, the flips and the shift."
        )
    if inside < 1 - _TIE:
        # A wrong size cannot be told from the share alone: a small cloud lies inside anywhere.
        neurons, brain = (_extent(each) for each in (points, atlas.brain_points))
        ratio = float(neurons.max() / brain.max())
        if not 1 / _UNLIKE <= ratio <= _UNLIKE:
            found.append(
                f"The neurons span {_sizes(neurons)} um along z, y and x, the brain "
                f"{_sizes(brain)} um: their unit, or the size of a pixel, is probably another."
            )
    if scores is not None and len(scores):
        alike = scores[scores["inside"] >= scores["inside"].max() - _TIE]
        if len(alike) > 1 and scores["inside"].max() > 0:
            columns = [alike[f"flip_{axis}"] for axis in _AXES]
            names = [_flips_named(row) for row in zip(*columns, strict=True)]
            found.append(
                f"Flips that place as many neurons inside: {', '.join(dict.fromkeys(names))}. "
                "Positions alone do not tell which of them is right."
            )
    return found


def _extent(points: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.ptp(np.quantile(points, (0.02, 0.98), axis=0), axis=0))


def _sizes(extent: NDArray[np.float64]) -> str:
    return " x ".join(f"{value:,.3g}" for value in extent)


def _flips_named(flips: tuple[bool, ...]) -> str:
    return " and ".join(axis for axis, flip in zip(_AXES, flips, strict=True) if flip) or "none"
