"""Shared by the readers of imaging programs: micrometres, frame times, binarisation.

Whatever is assumed is reported in one warning and noted in the provenance.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.traces import Traces, neuron_blocks, within_reach
from napari_crbm.preprocessing import (
    DEFAULT_THRESHOLD_SD,
    Waiting,
    activity_warning,
    events,
    noise_sd,
    stream,
)
from napari_crbm.preprocessing.threshold import flat_warning, is_flat
from napari_crbm.recording import Step
from napari_crbm.spikes import Spikes

_ASSUMED_PIXEL_UM, _ASSUMED_SPACING_UM = 1.0, 10.0


def in_micrometres(
    zyx: NDArray[np.float64],
    options: ReadOptions,
    notes: dict[str, Any],
    program: str,
    stored_um: tuple[float | None, float | None, float | None] = (None, None, None),
) -> NDArray[np.float32]:
    """Convert positions in planes and pixels to micrometres.

    Parameters
    ----------
    zyx : (N, 3)
        Plane, row, column.
    options : ReadOptions
        Its sizes count most.
    notes : dict
        For the provenance; what was used is added.
    program : str
        Whose file it is, for the warning.
    stored_um : tuple of float or None
        Spacing of planes, rows and columns as the file has them.

    Returns
    -------
    (N, 3) float32

    Raises
    ------
    RecordingError
        If a size is not positive.
    """
    for name in ("um_per_pixel", "plane_spacing_um"):
        value = getattr(options, name)
        if value is not None and not (np.isfinite(value) and value > 0):
            raise RecordingError(f"{name} must be positive; found {value}.")
    stored = [size if size is not None and size > 0 else None for size in stored_um]
    pixel = options.um_per_pixel
    spacing = options.plane_spacing_um or stored[0]
    rows, columns = pixel or stored[1], pixel or stored[2]
    unknown = []
    if rows is None or columns is None:
        unknown.append("one pixel is taken for one micrometre (um_per_pixel)")
    if spacing is None and len(zyx) and np.ptp(zyx[:, 0]) > 0:
        unknown.append(f"planes are taken {_ASSUMED_SPACING_UM:g} um apart (plane_spacing_um)")
    if unknown:
        warnings.warn(
            f"{program} does not store sizes: {' and '.join(unknown)}. Give the true ones to have "
            "positions in micrometres.",
            stacklevel=3,
        )
    scale = np.array(
        [
            spacing or _ASSUMED_SPACING_UM,
            rows or _ASSUMED_PIXEL_UM,
            columns or _ASSUMED_PIXEL_UM,
        ]
    )
    notes["um_per_pixel"] = _size(pixel, rows, f"{_ASSUMED_PIXEL_UM:g}")
    notes["plane_spacing_um"] = _size(options.plane_spacing_um, spacing, f"{_ASSUMED_SPACING_UM:g}")
    scaled = zyx * scale
    if options.flip_z:
        scaled[:, 0] = scaled[:, 0].max(initial=0.0) - scaled[:, 0]
        notes["flip_z"] = True
    return np.asarray(scaled, dtype=np.float32)


def _size(given: float | None, used: float | None, assumed: str) -> float | str:
    if given is not None:
        return given
    return f"{assumed} (assumed)" if used is None else f"{used:g} (from the file)"


def frame_times(
    n_frames: int,
    options: ReadOptions,
    notes: dict[str, Any],
    *,
    times: NDArray[np.float64] | None = None,
    rate_hz: float | None = None,
    source: str = "the file",
    start_s: float = 0.0,
) -> NDArray[np.float64]:
    """Return the time of every frame in seconds, from the option, the times or the frame rate.

    Parameters
    ----------
    n_frames : int
    options : ReadOptions
    notes : dict
        For the provenance.
    times : (T,), optional
        The file's times; more of them than frames are cut.
    rate_hz : float, optional
        The file's frame rate.
    source : str
        Where times or rate are from, for messages.
    start_s : float
        Time of the first frame, if only a rate is known.

    Raises
    ------
    RecordingError
        If there are too few times, or the rate is not positive.
    """
    if options.frame_rate_hz is not None:
        rate_hz, source, start_s = options.frame_rate_hz, "the option frame_rate_hz", 0.0
    elif times is not None:
        if len(times) < n_frames:
            raise RecordingError(
                f"There are {len(times)} times for {n_frames} frames ({source}): correct them, or "
                "give frame_rate_hz instead."
            )
        notes["times"] = source
        return np.asarray(times[:n_frames], dtype=np.float64)
    if rate_hz is None:
        rate_hz, source = 1.0, "assumed"
        warnings.warn(
            "The recording has no frame rate, so 1 Hz is assumed: give "
            "frame_rate_hz to have time in seconds.",
            stacklevel=3,
        )
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise RecordingError(f"The frame rate must be positive; found {rate_hz} Hz ({source}).")
    notes["times"] = f"{rate_hz:g} Hz ({source})"
    return start_s + np.arange(n_frames) / rate_hz


def active_frames(
    fluorescence: Traces,
    options: ReadOptions,
    *,
    deconvolved: Traces | None = None,
    source: str,
) -> tuple[Spikes, Step]:
    """Binarise activity, and return it with the step for the provenance.

    Deconvolved activity has the unit of the fluorescence, so a neuron is active where it
    exceeds the threshold times the noise of the fluorescence. Without it, where the
    fluorescence has just risen by that much.

    Parameters
    ----------
    fluorescence : Traces
        (T, N), read one block of neurons at a time.
    options : ReadOptions
        Its threshold, or the usual one.
    deconvolved : Traces, optional
        (T, N).
    source : str
        Name of what is binarised.

    Raises
    ------
    RecordingError
        If the threshold is not positive.
    """
    threshold = DEFAULT_THRESHOLD_SD if options.binarise is None else options.binarise
    if not threshold > 0:
        raise RecordingError(f"The threshold must be positive; found {threshold}.")

    def blocks() -> Iterator[NDArray[np.float32] | Waiting]:
        if deconvolved is None:
            yield from neuron_blocks(fluorescence)
            return
        values = yield from within_reach(fluorescence)
        spikes = yield from within_reach(deconvolved)
        for start, stop in values.ranges():
            yield np.stack([values.block(start, stop), spikes.block(start, stop)], axis=2)

    flat = np.zeros(fluorescence.shape[1], dtype=bool)

    def active(first: int, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        flat[first : first + block.shape[1]] = is_flat(block if block.ndim == 2 else block[..., 0])
        if deconvolved is None:
            return events(block, threshold)
        return np.asarray(block[..., 1] > threshold * noise_sd(block[..., 0]))

    tiles = stream(
        blocks(),
        active,
        fluorescence.shape[1],
        progress=options.progress,
        control=options.control,
    )
    spikes = Spikes.from_tiles(tiles, *fluorescence.shape)
    if message := activity_warning(spikes):
        warnings.warn(message, stacklevel=3)
    if message := flat_warning(int(flat.sum()), len(flat)):
        warnings.warn(message, stacklevel=3)
    return spikes, Step("binarise", {"threshold_sd": threshold, "of": source})
