"""Smooth solids from which the parametric brain is built.

Every solid is described by a level function: at most 1 inside, growing outwards along
any ray from the solid's centre. Points are (P, 3) micrometres with axes z (dorsal to
ventral), y (anterior to posterior) and lateral distance from the midline, so one solid
describes a structure on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Half width of the cell-free cleft between the hemispheres, micrometres.
CLEFT_UM = 3.0
_PLANE_SCALE_UM = 50.0


class Solid(Protocol):
    """A solid shape with a level function."""

    @property
    def centre(self) -> tuple[float, float, float]:
        """A point inside from which the whole surface is visible (z, y, lateral)."""
        ...

    def level(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Level of (P, 3) points, (P,): at most 1 inside."""
        ...


@dataclass(frozen=True)
class Ellipsoid:
    """A superellipsoid, optionally turned, cut at the cleft.

    Parameters
    ----------
    centre, radii : (z, y, lateral) in micrometres
    yaw : degrees
        Turn seen from above; positive moves the anterior end outwards.
    roll : degrees
        Turn seen from the front; positive moves the dorsal side outwards.
    pitch : degrees
        Turn seen from the side; positive moves the anterior end down.
    power : float
        Exponent; 2 is an ellipsoid, more is boxier.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    yaw: float = 0.0
    roll: float = 0.0
    pitch: float = 0.0
    power: float = 2.0

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        yaw, roll, pitch = np.radians([self.yaw, self.roll, self.pitch])
        about_z = _turn(1, 2, -yaw)
        about_y = _turn(0, 2, -roll)
        about_x = _turn(0, 1, -pitch)
        return about_z @ about_y @ about_x

    def level(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Level of (P, 3) points, (P,): at most 1 inside."""
        local = (points - np.asarray(self.centre)) @ self._axes / np.asarray(self.radii)
        if self.power == 2.0:
            body = np.sqrt(np.einsum("pi,pi->p", local, local))
        else:
            body = (np.abs(local) ** self.power).sum(axis=1) ** (1 / self.power)
        return np.asarray(body)


@dataclass(frozen=True)
class Tube:
    """A slice of the tapering hindbrain, with the fourth ventricle opening above.

    Parameters
    ----------
    y_range : (anterior, posterior) in micrometres
    profile : callable
        Gives half width, dorsal and ventral surface (micrometres) for (P,) y.
    opening : float
        Widening of the ventricle, micrometres of lateral gap per micrometre of
        height above ``opening_below``.
    opening_below : float
        Depth z at which the ventricle closes.
    """

    y_range: tuple[float, float]
    profile: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    opening: float = 0.0
    opening_below: float = 0.0

    @cached_property
    def centre(self) -> tuple[float, float, float]:
        """A point inside from which the whole surface is visible (z, y, lateral)."""
        y = sum(self.y_range) / 2
        width, top, bottom = self.profile(np.array([y]))[:, 0]
        return (float(0.4 * top + 0.6 * bottom), y, float(0.5 * width))

    def level(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Level of (P, 3) points, (P,): at most 1 inside."""
        z, y, lateral = points.T
        width, top, bottom = self.profile(y)
        middle, height = (top + bottom) / 2, (bottom - top) / 2
        body = np.hypot(lateral / width, (z - middle) / height)
        gap = self.opening * np.maximum(self.opening_below - z, 0.0)
        outside = np.maximum(np.maximum(self.y_range[0] - y, y - self.y_range[1]), gap - lateral)
        return np.asarray(np.maximum(body, 1.0 + outside / _PLANE_SCALE_UM))


def _turn(first: int, second: int, angle: float) -> NDArray[np.float64]:
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second] = -np.sin(angle)
    matrix[second, first] = np.sin(angle)
    return matrix


def surface(
    solid: Solid, cleft_um: float, n_around: int = 32, n_along: int = 17
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute triangles of a solid's surface by bisection along rays from its centre.

    Parameters
    ----------
    solid : Solid
    cleft_um : float
        The surface stays this far from the midline; negative for midline structures.
    n_around, n_along : int
        Meridians and parallels of the ray directions.

    Returns
    -------
    vertices : (V, 3) float64
        z, y, lateral in micrometres.
    faces : (F, 3) int64
    """
    polar = np.linspace(0, np.pi, n_along)[1:-1]
    azimuth = np.arange(n_around) * 2 * np.pi / n_around
    ring = np.stack(
        [
            np.outer(np.cos(polar), np.ones(n_around)),
            np.outer(np.sin(polar), np.cos(azimuth)),
            np.outer(np.sin(polar), np.sin(azimuth)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    # The poles lie along y, the long axis of most structures.
    rays = np.concatenate([ring, [[1.0, 0, 0], [-1.0, 0, 0]]])[:, [1, 0, 2]]
    centre = np.asarray(solid.centre)
    low, high = np.zeros(len(rays)), np.full(len(rays), 600.0)
    for _ in range(24):
        middle = (low + high) / 2
        points = centre + middle[:, None] * rays
        inside = (solid.level(points) <= 1.0) & (points[:, 2] >= cleft_um)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    first, last = len(ring), len(ring) + 1
    n_rings = len(polar)
    faces = []
    for a in range(n_around):
        b = (a + 1) % n_around
        faces.append((first, b, a))
        faces.append((last, (n_rings - 1) * n_around + a, (n_rings - 1) * n_around + b))
        for r in range(n_rings - 1):
            here, below = r * n_around, (r + 1) * n_around
            faces.append((here + a, here + b, below + a))
            faces.append((here + b, below + b, below + a))
    return centre + low[:, None] * rays, np.array(faces, dtype=np.int64)
