"""Detect events in fluorescence with a threshold, for recordings without spikes.

The paper deconvolves (blind sparse deconvolution, Methods "Spike deconvolution") and
thresholds the result; files of the authors hold that. This is a simple substitute:
a neuron is active in a frame in which its dF/F exceeds its median, and has just risen,
by more than a few standard deviations of its noise. Calcium decays over seconds, so the
level alone would mark whole decays; the rise marks their onsets.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing.streaming import Blocks, Progress, Stoppable, Waiting, stream
from napari_crbm.spikes import Spikes

#: Threshold that finds most transients of three standard deviations and more.
DEFAULT_THRESHOLD_SD = 2.0

#: Range of mean activity for which the method is meant: the paper discards recordings
#: below 2 %, and its own lie near 4 %.
USUAL_ACTIVITY = (0.005, 0.2)

# Standard deviation of a normal variable over its median absolute value.
_SD_OVER_MEDIAN = 1.4826


def noise_sd(fluorescence: NDArray[np.floating]) -> NDArray[np.float32]:
    """Estimate the noise of every neuron from its frame-to-frame differences.

    The median absolute difference, scaled to the standard deviation of white noise.
    Transients are rare and decay slowly, so they hardly touch it, unlike the spread
    about the median, which doubles at an activity of 3 %.

    Parameters
    ----------
    fluorescence : (T, n)
        dF/F; values that are not finite are left out.

    Returns
    -------
    (n,) float32
        NaN where it is undefined: for constant or missing traces, and for those that
        change in fewer than half of the frames.
    """
    steps = np.abs(np.diff(fluorescence, axis=0))
    noise = np.asarray(_median(steps) * (_SD_OVER_MEDIAN / np.sqrt(2)), dtype=np.float32)
    noise[noise == 0] = np.nan
    return noise


def events(
    fluorescence: NDArray[np.floating], threshold_sd: float = DEFAULT_THRESHOLD_SD
) -> NDArray[np.bool_]:
    """Detect the frames in which neurons become active.

    Parameters
    ----------
    fluorescence : (T, n)
        dF/F in any unit and with any baseline that stays constant. Where it is not
        finite there is no event, nor where the noise of a neuron is undefined.
    threshold_sd : float
        In units of `noise_sd`: how far above its median a neuron must be, and how much
        it must have risen since the frame before.

    Returns
    -------
    (T, n) bool
        The first frame has no frame before it and holds no events.

    Raises
    ------
    RecordingError
        If the threshold is not positive, or there are fewer than two frames.
    """
    if not threshold_sd > 0:
        raise RecordingError(f"The threshold must be positive; found {threshold_sd}.")
    if fluorescence.ndim != 2 or len(fluorescence) < 2:
        raise RecordingError(
            f"Fluorescence must be (frames, neurons) with two frames or more; found shape "
            f"{fluorescence.shape}."
        )
    values = np.asarray(fluorescence, dtype=np.float32)
    least = threshold_sd * noise_sd(values)
    active = np.zeros(values.shape, dtype=bool)
    active[1:] = (values[1:] - values[:-1] > least) & (values[1:] > _median(values) + least)
    return active


def above(values: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Return where values exceed a threshold in their own unit, (T, n)."""
    return np.asarray(values > threshold)


def binarise(
    blocks: Blocks,
    n_frames: int,
    n_neurons: int,
    threshold_sd: float = DEFAULT_THRESHOLD_SD,
    *,
    detect: Callable[[NDArray[np.floating], float], NDArray[np.bool_]] = events,
    progress: Progress | None = None,
    control: Stoppable | None = None,
    n_threads: int | None = None,
) -> Spikes:
    """Detect events in blocks of neurons on all cores, a few blocks in memory at a time.

    Parameters
    ----------
    blocks : iterable of (T, n) or Waiting
        dF/F of consecutive neurons, all frames.
    n_frames, n_neurons : int
        T and N of the whole recording.
    threshold_sd : float
        See `events`.
    detect : callable
        `events`, or `above` for traces that are deconvolved already.
    progress, control, n_threads : optional
        As in `napari_crbm.preprocessing.preprocess`.

    Returns
    -------
    Spikes

    Raises
    ------
    RecordingError
        If the blocks do not add up to the recording.
    PreprocessingStopped
        If it was cancelled.
    """

    def checked() -> Iterator[NDArray[np.floating] | Waiting]:
        neuron = 0
        for block in blocks:
            if isinstance(block, Waiting):
                yield block
                continue
            if len(block) != n_frames or neuron + block.shape[1] > n_neurons:
                raise RecordingError(
                    f"Fluorescence block of shape {block.shape} at neuron {neuron} does not "
                    f"fit {n_frames} frames of {n_neurons} neurons."
                )
            yield block
            neuron += block.shape[1]

    flat = np.zeros(n_neurons, dtype=bool)

    def active(first: int, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        flat[first : first + block.shape[1]] = is_flat(block)
        return detect(block, threshold_sd)

    tiles = stream(
        checked(),
        active,
        n_neurons,
        progress=progress,
        control=control,
        n_threads=n_threads,
    )
    spikes = Spikes.from_tiles(tiles, n_frames, n_neurons)
    if message := flat_warning(int(flat.sum()), n_neurons):
        warnings.warn(message, stacklevel=2)
    return spikes


def is_flat(traces: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which of (T, n) traces are constant or hold no finite value, (n,)."""
    if not len(traces):
        return np.ones(traces.shape[1], dtype=bool)
    finite = np.isfinite(traces)
    low = np.where(finite, traces, np.inf).min(axis=0)
    high = np.where(finite, traces, -np.inf).max(axis=0)
    return np.asarray(high <= low)


def flat_warning(n_flat: int, n_neurons: int) -> str | None:
    """Return a sentence if neurons have constant or missing fluorescence, else None."""
    if not n_flat:
        return None
    return (
        f"{n_flat:,} of {n_neurons:,} neurons have constant or missing fluorescence, so they are "
        "never active: they are kept, and can be left out with a minimum activity when "
        "preprocessing."
    )


def activity_warning(spikes: Spikes) -> str | None:
    """Return a sentence if the mean activity lies outside the usual 0.5 to 20 %, else None."""
    low, high = USUAL_ACTIVITY
    if low <= spikes.rate <= high:
        return None
    found = f"Neurons are active in {100 * spikes.rate:.2g} % of frames"
    if spikes.rate < low:
        return (
            f"{found}, less than the {100 * low:g} % below which assemblies can hardly be "
            "found; lower the threshold of binarisation or leave out silent neurons."
        )
    return (
        f"{found}, more than the {100 * high:g} % that binarised spikes usually have; raise the "
        "threshold of binarisation."
    )


def _median(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute the median over frames, ignoring values that are not finite."""
    if np.isfinite(values).all():
        return np.asarray(np.median(values, axis=0))
    with warnings.catch_warnings():
        # A neuron without any finite value has no median and no events.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(np.where(np.isfinite(values), values, np.nan), axis=0))
