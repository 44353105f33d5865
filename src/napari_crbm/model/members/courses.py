"""On/off time courses of assemblies, and their inner products with the activity of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_crbm.model.compute.kernels.on_counts import count_on
from napari_crbm.spikes import Spikes

#: Units whose courses correlate more share half of their variance: two units of one assembly.
SAME_COURSE = 0.7
#: Added to the variance of each course in the regression, as a share of it: two equal courses
#: among those held constant leave the equations solvable.
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Courses:
    """On/off courses of M units over T frames, centred in each window and of unit length.

    Parameters
    ----------
    edges : (W + 1,) int64
        Window w holds the frames ``edges[w]`` to ``edges[w + 1] - 1``.
    means : (W, M) float64
        Share of each window in which each unit is on.
    length : (M,) float64
        Length of the centred course; 0 for units that are never or always on.
    dual : (M, M) float64
        Column m takes the products of a neuron with all courses to its regression coefficient
        on course m.
    room : (M,) float64
        Squared length of the residual of course m after regression on the others.
    every : (M, M) float64
        Inverse of the products of all courses with each other.
    course : (T, M) float64
    alone : (T, M) float64
        Residual of each course after regression on the others, scaled such that its product
        with a neuron is the regression coefficient.
    """

    edges: NDArray[np.int64]
    means: NDArray[np.float64]
    length: NDArray[np.float64]
    dual: NDArray[np.float64]
    room: NDArray[np.float64]
    every: NDArray[np.float64]
    course: NDArray[np.float64]
    alone: NDArray[np.float64]

    @classmethod
    def of(cls, on: NDArray[np.bool_], edges: NDArray[np.int64]) -> Courses:
        """Prepare the courses (T, M) of all units."""
        sizes = np.diff(edges)
        means = np.add.reduceat(on, edges[:-1], axis=0, dtype=np.float64) / sizes[:, None]
        course: NDArray[np.float64] = on - np.repeat(means, sizes, axis=0)
        length = np.sqrt((course**2).sum(axis=0))
        course = course / np.where(length > 0, length, 1.0)
        product: NDArray[np.float64] = course.T @ course
        every = np.asarray(np.linalg.inv(product + RIDGE * np.eye(len(product))), np.float64)
        dual = duals(product, every, length > 0)
        room = np.divide(1, dual.diagonal(), where=length > 0, out=np.ones(len(length)))
        return cls(edges, means, length, dual, room, every, course, course @ dual)

    @property
    def skewness(self) -> NDArray[np.float64]:
        """Skewness of the residual courses, (M,)."""
        spread = np.maximum((self.alone**2).mean(axis=0), 1e-30)
        return np.asarray((self.alone**3).mean(axis=0) / spread**1.5)

    def power(self) -> list[NDArray[np.float32]]:
        """Compute the power spectra (K, M) of the residual courses in each window.

        They are scaled such that the sum of products with the power spectrum of a neuron is the
        variance of the regression coefficient over circular shifts of the neuron.
        """
        spectra = []
        for first, last in pairwise(self.edges.tolist()):
            power = np.abs(fft.rfft(self.alone[first:last], axis=0)) ** 2
            # Frequencies between zero and the highest stand for a positive and a negative one.
            power[1 : (last - first + 1) // 2] *= 2
            spectra.append(np.asarray(power / (last - first) ** 2, dtype=np.float32))
        return spectra

    def shared_power(self, power: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Compute the contribution of each course to the variance over shifts.

        Returns
        -------
        (M, M) float64
            For a neuron that is course m itself, the variance of its coefficient on each course.
        """
        total = np.zeros_like(self.dual)
        for (first, last), of_courses in zip(pairwise(self.edges.tolist()), power, strict=True):
            spectrum = np.abs(fft.rfft(self.course[first:last], axis=0)) ** 2
            total += spectrum.T @ of_courses
        return total


def duals(
    product: NDArray[np.float64], every: NDArray[np.float64], alive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Solve the regression of each course on those that stand for other assemblies.

    Parameters
    ----------
    product : (M, M) float64
        Products of all courses, which are of unit length.
    every : (M, M) float64
        Inverse of the products, with `RIDGE` on the diagonal.
    alive : (M,) bool
        Courses that vary.

    Returns
    -------
    (M, M) float64
        Column m takes the courses to the residual of course m, scaled such that its product
        with course m is 1. Courses that correlate above `SAME_COURSE` are not held constant for
        each other.
    """
    dual = np.where(alive, every, 0.0)
    same = np.abs(product) > SAME_COURSE
    for unit in np.flatnonzero(same.sum(axis=0) > 1):
        held = alive & ~same[unit]
        held[unit] = True
        chosen = np.flatnonzero(held)
        equations = product[np.ix_(chosen, chosen)] + RIDGE * np.eye(len(chosen))
        dual[:, unit] = 0.0
        dual[chosen, unit] = np.linalg.solve(equations, (chosen == unit).astype(np.float64))
    return dual


@dataclass(frozen=True, eq=False)
class Products:
    """Products of N neurons with the courses of M units.

    Parameters
    ----------
    counts : (N, M) int32
        Frames in which the neuron is active and the unit is on without its help.
    in_window : (N, W) int32
        Frames in which the neuron is active, in each window.
    courses : Courses
    """

    counts: NDArray[np.int32]
    in_window: NDArray[np.int32]
    courses: Courses

    @classmethod
    def of(
        cls,
        spikes: Spikes,
        inputs: NDArray[np.float32],
        weights: NDArray[np.float32],
        on: NDArray[np.bool_],
        edges: NDArray[np.int64],
    ) -> Products:
        """Count in all frames of ``spikes``; needs the right to run kernels.

        Parameters
        ----------
        spikes : Spikes
            T frames of N neurons.
        inputs : (T, M) float32
            Sums of the weights of all active neurons.
        weights : (N, M) float32
        on : (T, M) bool
            Whether the input of each unit exceeds its threshold.
        edges : (W + 1,) int64
        """
        n_windows = len(edges) - 1
        counts = np.empty(weights.shape, dtype=np.int32)
        in_window = np.empty((len(weights), n_windows), dtype=np.int32)
        on_from = np.where(on, inputs, np.float32(np.inf)).min(axis=0)
        window_of = np.repeat(np.arange(n_windows), np.diff(edges))
        count_on(spikes.by_neuron, inputs, weights, on_from, window_of, counts, in_window)
        return cls(counts, in_window, Courses.of(on, edges))

    def __getitem__(self, some: slice) -> Products:
        """Return the products of some neurons."""
        return Products(self.counts[some], self.in_window[some], self.courses)
