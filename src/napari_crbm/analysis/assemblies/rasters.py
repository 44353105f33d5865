"""Rasters of activity: assemblies or neurons as rows, sorted by similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.order import sort_by_similarity
from napari_crbm.model.compute.two_groups import active_threshold
from napari_crbm.spikes import Spikes

# Standard deviations above the resting level at which a row is at its brightest.
_BRIGHTEST_SD = 4.0


class Raster(NamedTuple):
    """Image of activity, with one row per assembly or group of neurons.

    ``image`` (R, C) float32 from 0 to 1; ``rows`` (R,) the assembly, or the first neuron of
    the group, that each row shows; ``frames_per_column`` the number of frames averaged in
    one column.
    """

    image: NDArray[np.float32]
    rows: NDArray[np.int64]
    frames_per_column: int


def assembly_raster(activity: NDArray[np.floating]) -> Raster:
    """Make a raster of assemblies sorted by similarity of their activity (paper, Fig. 2).

    Parameters
    ----------
    activity : (T, M)
        E[h | v] of every frame.
    """
    rows = sort_by_similarity(activity) if activity.shape[1] > 1 else np.arange(activity.shape[1])
    resting = np.median(activity, axis=0)
    spread = np.maximum(activity.std(axis=0), 1e-12)
    image = np.clip((activity - resting) / (_BRIGHTEST_SD * spread), 0, 1).T[rows]
    return Raster(np.ascontiguousarray(image, dtype=np.float32), np.asarray(rows, np.int64), 1)


def neuron_raster(
    spikes: Spikes,
    weights: NDArray[np.floating] | None = None,
    most_rows: int = 400,
    most_columns: int = 2000,
) -> Raster:
    """Make a raster of neurons, averaged in groups of neighbouring rank.

    Parameters
    ----------
    spikes : Spikes
        T frames of N neurons.
    weights : (N, M), optional
        Neurons are ranked by the assembly of their largest weight, and within it by that
        weight; neurons without weights come last. By default they are ranked by mean activity.
    most_rows, most_columns : int
        Largest size of the image.

    Returns
    -------
    Raster
        Values relative to the 99.5th percentile of the image.
    """
    n_frames, n_neurons = spikes.shape
    if weights is None or not weights.shape[1]:
        order = np.argsort(-spikes.mean_activity, kind="stable")
    else:
        size = np.abs(weights)
        largest = size.max(axis=1)
        assembly = np.where(largest > 0, size.argmax(axis=1), size.shape[1])
        order = np.lexsort((-largest, assembly))
    n_rows = min(most_rows, n_neurons)
    row_of = np.empty(n_neurons, dtype=np.int64)
    row_of[order] = np.arange(n_neurons) * n_rows // n_neurons
    width = -(-n_frames // most_columns)
    n_columns = -(-n_frames // width)
    starts, active = spikes.by_frame
    counts = np.zeros(n_rows * n_columns)
    for column in range(n_columns):
        part = active[starts[column * width] : starts[min((column + 1) * width, n_frames)]]
        counts[column * n_rows : (column + 1) * n_rows] = np.bincount(
            row_of[part], minlength=n_rows
        )
    frames = np.minimum(width, n_frames - width * np.arange(n_columns))
    per_row = np.bincount(row_of, minlength=n_rows)
    image = counts.reshape(n_columns, n_rows) / (frames[:, None] * per_row)
    image = np.clip(image / max(float(np.quantile(image, 0.995)), 1e-12), 0, 1)
    first = np.searchsorted(row_of[order], np.arange(n_rows))
    return Raster(
        np.ascontiguousarray(image.T, dtype=np.float32), np.asarray(order[first], np.int64), width
    )


def peaks(
    activity: NDArray[np.floating], segments: Sequence[tuple[int, int]] | None = None
) -> NDArray[np.int64]:
    """Return the frames of peak activity of an assembly, one for each time it switches on.

    Parameters
    ----------
    activity : (T,)
        Its activity; it is on above `active_threshold`.
    segments : sequence of (first frame, frame after the last), optional
        Continuous stretches; an episode ends with its segment. One by default.
    """
    on = activity > active_threshold(activity[:, None])[0]
    found = []
    for start, stop in segments or [(0, len(on))]:
        inside = np.concatenate([[False], on[start:stop], [False]]).astype(np.int8)
        edges = start + np.flatnonzero(np.diff(inside))
        found += [
            first + int(activity[first:last].argmax()) for first, last in edges.reshape(-1, 2)
        ]
    return np.array(found, dtype=np.int64)
