"""Baseline of fluorescence by a running percentile, and dF/F."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError

#: Low enough to pass under transients, high enough not to follow the noise.
DEFAULT_PERCENTILE = 8.0
_ANCHORS_A_WINDOW = 8


def running_percentile(
    fluorescence: NDArray[np.floating],
    window: int,
    percentile: float = DEFAULT_PERCENTILE,
    every: int | None = None,
) -> NDArray[np.float32]:
    """Compute a percentile of every trace in a window around each frame.

    The window is cut off at both ends of the recording. It moves in steps of ``every``
    frames, and lines join the values, because a percentile over many frames hardly
    changes from one frame to the next.

    Parameters
    ----------
    fluorescence : (T, n)
        Values that are not finite are left out; where a window holds none, so is the result.
    window : int
        Frames; even ones are widened by one so that the window is centred.
    percentile : float
        0 to 100.
    every : int, optional
        1 for every frame; by default an eighth of the window.

    Returns
    -------
    (T, n) float32

    Raises
    ------
    RecordingError
        If the window is shorter than a frame or the percentile not in 0 to 100.
    """
    if window < 1:
        raise RecordingError(f"The baseline window must be at least one frame; found {window}.")
    if not 0 <= percentile <= 100:
        raise RecordingError(f"The baseline percentile must be 0 to 100; found {percentile}.")
    n_frames, half = len(fluorescence), window // 2
    anchors = np.arange(0, n_frames, every or max(1, window // _ANCHORS_A_WINDOW))
    if anchors[-1] != n_frames - 1:
        anchors = np.append(anchors, n_frames - 1)
    # Neurons first, so that each window of a neuron is contiguous in memory.
    traces = np.ascontiguousarray(fluorescence.T, dtype=np.float32)
    finite = np.isfinite(traces).all()
    levels = np.empty((len(anchors), len(traces)), dtype=np.float32)
    for row, anchor in enumerate(anchors):
        part = traces[:, max(0, anchor - half) : anchor + half + 1]
        levels[row] = _percentile(part, percentile) if finite else _known(part, percentile)
    if len(anchors) == n_frames:
        return levels
    frames = np.arange(n_frames)
    before = np.minimum(np.searchsorted(anchors, frames, side="right") - 1, len(anchors) - 2)
    share = (frames - anchors[before]) / (anchors[before + 1] - anchors[before])
    result = levels[before]
    result += share[:, None].astype(np.float32) * (levels[before + 1] - result)
    return result


def above_baseline(
    fluorescence: NDArray[np.floating],
    baseline: NDArray[np.floating],
    *,
    raw: bool = False,
    background: float = 0.0,
) -> NDArray[np.float32]:
    """Subtract the baseline; divide raw fluorescence by it as well, which gives dF/F.

    The paper's (F - baseline) / (baseline - background), Methods "Calcium imaging"; of
    traces that are dF/F already only the difference.

    Parameters
    ----------
    fluorescence, baseline : (T, n)
    raw : bool
        Whether to divide. Where the baseline does not exceed the background dF/F means
        nothing and is NaN.
    background : float
        Intensity of the image where there is no tissue, in the unit of the fluorescence.

    Returns
    -------
    (T, n) float32
    """
    difference = np.asarray(fluorescence - baseline, dtype=np.float32)
    if not raw:
        return difference
    scale = np.asarray(baseline - background, dtype=np.float32)
    return np.divide(difference, scale, out=np.full_like(scale, np.nan), where=scale > 0)


def _percentile(values: NDArray[np.float32], percentile: float) -> NDArray[np.float32]:
    """Compute the percentile along the last axis with NumPy's default interpolation."""
    position = (values.shape[1] - 1) * percentile / 100
    low = int(position)
    high = min(low + 1, values.shape[1] - 1)
    ordered = np.partition(values, (low, high), axis=1)
    share = np.float32(position - low)
    return np.asarray(ordered[:, low] + share * (ordered[:, high] - ordered[:, low]))


def _known(values: NDArray[np.float32], percentile: float) -> NDArray[np.float32]:
    """Compute the percentile over finite values alone."""
    result = np.full(len(values), np.nan, dtype=np.float32)
    for row, trace in enumerate(values):
        kept = trace[np.isfinite(trace)]
        if len(kept):
            result[row] = np.percentile(kept, percentile)
    return result
