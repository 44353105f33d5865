"""Move assemblies to random places of their brain: the spatial chance level.

Assemblies are compact and often bilateral, so that random neurons are no chance level for
where they lie. A relocated assembly keeps its number of neurons, compactness and symmetry;
only its place is random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_crbm.analysis.assemblies.regions import midline_x
from napari_crbm.errors import ModelError
from napari_crbm.model.members.members import Members

_MOST_VOXELS = 500_000
# How far a brain extends beyond its neurons, in spacings between neurons.
_REACH = 1.5
# A moved assembly should keep this part of its squared weights (of its members where weights
# do not matter) inside the brain.
_KEPT, _TRIES = 0.8, 20


class BrainSpace:
    """Find the neuron at a place, and the places of a shape that moves through the brain.

    Parameters
    ----------
    coordinates_um : (N, 3)
        Axes z, y, x.

    Raises
    ------
    ModelError
        If a neuron has no position.
    """

    def __init__(self, coordinates_um: NDArray[np.floating]) -> None:
        self.points = np.asarray(coordinates_um, dtype=np.float64)
        if not np.isfinite(self.points).all():
            raise ModelError(
                "Some neurons have no position, so it cannot be said how alike assemblies are by "
                "chance: match by neurons, or leave these neurons out."
            )
        self.mirrored = self.points * (1, 1, -1)
        self.mirrored[:, 2] += 2 * midline_x(coordinates_um)
        tree = KDTree(self.points)
        spacing = float(np.median(tree.query(self.points, 2)[0][:, 1]))
        both = np.concatenate([self.points, self.mirrored])
        self._low = both.min(axis=0)
        extent = np.maximum(np.ptp(both, axis=0), 1.0)
        self._step = max(spacing / 2, float(np.cbrt(np.prod(extent) / _MOST_VOXELS)))
        shape = tuple(np.asarray(extent // self._step, dtype=np.int64) + 1)
        centres = self._low + self._step * (np.indices(shape).reshape(3, -1).T + 0.5)
        # Beyond the nearest neurons, a place lies outside the brain.
        distance, nearest = tree.query(centres, distance_upper_bound=_REACH * spacing + self._step)
        self._nearest = np.where(np.isfinite(distance), nearest, -1).reshape(shape)

    def neuron_at(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the neuron nearest to each place (..., 3), -1 outside the brain."""
        voxel = np.asarray((places - self._low) // self._step, dtype=np.int64)
        valid = ((voxel >= 0) & (voxel < self._nearest.shape)).all(axis=-1)
        found = np.full(places.shape[:-1], -1, dtype=np.int64)
        found[valid] = self._nearest[tuple(voxel[valid].T)]
        return found

    def moved_members(
        self, members: NDArray[np.integer], n_draws: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw random places of an assembly, as the neurons that its members fall on.

        The members move together: along the length and depth of the brain such that their
        centre lies at a random neuron, and to the other side in half of the draws. Of twenty
        places the first is taken at which four fifths of the members stay inside the brain,
        else the one at which most do.

        Parameters
        ----------
        members : (n,) int
            At least one neuron.
        n_draws : int
        generator : numpy.random.Generator

        Returns
        -------
        (n_draws, n) int64
            -1 for members that fall outside the brain.
        """
        sides = np.stack([self.points[members], self.mirrored[members]])
        sides = sides - sides.mean(axis=1, keepdims=True) * (1, 1, 0)
        shape = sides[(generator.random(n_draws) < 0.5).astype(np.int64)]
        best = np.full((n_draws, len(members)), -1, dtype=np.int64)
        kept = np.full(n_draws, -1.0)
        for _ in range(_TRIES):
            open_draws = np.flatnonzero(kept < _KEPT)
            if not len(open_draws):
                break
            centre = self.points[generator.integers(len(self.points), size=len(open_draws))]
            found = self.neuron_at(shape[open_draws] + (centre * (1, 1, 0))[:, None])
            share = (found >= 0).mean(axis=1)
            better = share > kept[open_draws]
            best[open_draws[better]] = found[better]
            kept[open_draws[better]] = share[better]
        return best


class Relocation:
    """Move each assembly of a brain to a random place.

    This gives the chance level of matching animals: number, size, compactness and symmetry of
    the assemblies are kept, their places are random. Each assembly is shifted rigidly along the
    length and depth of the brain so that its centre moves to a random neuron, and changes sides
    in half of the draws. If most of it would leave the brain, another place is tried.

    Parameters
    ----------
    coordinates_um : (N, 3)
        Axes z, y, x.
    weights : (N, M) float array

    Raises
    ------
    ModelError
        If a neuron has no position.
    """

    def __init__(self, coordinates_um: NDArray[np.floating], weights: NDArray[np.floating]) -> None:
        self._space = BrainSpace(coordinates_um)
        self._weights = np.asarray(weights, dtype=np.float32)
        # What moves are weights, so the strong ones decide, whatever the definition of members.
        inside = Members.by_weight(self._weights)
        self._members = [inside.of(unit) for unit in range(self._weights.shape[1])]

    def draw(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw the weights of the moved assemblies, (N, M)."""
        moved = np.zeros_like(self._weights)
        for unit, inside in enumerate(self._members):
            if not len(inside):
                continue
            flip = generator.random() < 0.5
            shift = self._shift(unit, flip, generator)
            places = (self._space.mirrored if flip else self._space.points) - shift
            source = self._space.neuron_at(places)
            there = source >= 0
            moved[there, unit] = self._weights[source[there], unit]
        return moved

    def _shift(self, unit: int, flip: bool, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw a shift (z, y, 0) that keeps most of an assembly in the brain."""
        inside = self._members[unit]
        strength = self._weights[inside, unit] ** 2
        places = (self._space.mirrored if flip else self._space.points)[inside]
        centre = strength @ places / strength.sum()
        kept, best = -1.0, np.zeros(3)
        for neuron in generator.integers(len(self._space.points), size=_TRIES):
            shift = (self._space.points[neuron] - centre) * (1, 1, 0)
            share = float(strength @ (self._space.neuron_at(places + shift) >= 0) / strength.sum())
            if share > kept:
                kept, best = share, shift
            if share >= _KEPT:
                break
        return best
