"""Preprocess a recording: blocks of neurons, processed on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing.steps import Steps, signal_to_noise, stages
from napari_crbm.preprocessing.streaming import Progress, Stoppable, Waiting, stream
from napari_crbm.recording import Fluorescence, Recording, Step
from napari_crbm.spikes import Spikes

#: Name of the step in the provenance that `preprocess` leaves.
PROVENANCE = "preprocess"

# Values of a block, unless the fluorescence has a block size of its own.
_BLOCK_VALUES = 1 << 20


@dataclass(frozen=True, eq=False)
class FluorescencePart:
    """Chosen frames and neurons of fluorescence that stays where it is.

    Parameters
    ----------
    source : Fluorescence
    kept_frames, kept_neurons : int64 arrays
        Ascending.
    """

    source: Fluorescence
    kept_frames: NDArray[np.int64]
    kept_neurons: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return len(self.kept_frames), len(self.kept_neurons)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type in which the source keeps its values."""
        return np.dtype(getattr(self.source, "dtype", np.float32))

    def neuron_blocks(self) -> Iterator[NDArray[np.float32] | Waiting]:
        """Whole traces of consecutive neurons, (T, n) float32."""
        start = 0
        for block in _blocks(self.source):
            if isinstance(block, Waiting):
                yield block
                continue
            first, last = np.searchsorted(self.kept_neurons, [start, start + block.shape[1]])
            if last > first:
                yield block[self.kept_frames][:, self.kept_neurons[first:last] - start]
            start += block.shape[1]

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        whole = self.source.trace(int(self.kept_neurons[neuron]))
        return np.asarray(whole[self.kept_frames], dtype=np.float32)

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        wanted = self.kept_frames[start:stop]
        if not len(wanted):
            return np.empty((0, len(self.kept_neurons)), dtype=np.float32)
        block = self.source.frames(int(wanted[0]), int(wanted[-1]) + 1)
        return np.asarray(block[wanted - wanted[0]][:, self.kept_neurons], dtype=np.float32)


def preprocess(
    recording: Recording,
    steps: Steps,
    *,
    progress: Progress | None = None,
    control: Stoppable | None = None,
    n_threads: int | None = None,
) -> Recording:
    """Binarise the fluorescence, and drop frames and neurons.

    Fluorescence is read once, a block of neurons at a time; besides the packed raster
    only the blocks in work are in memory. The result does not depend on the threads.

    Parameters
    ----------
    recording : Recording
        With fluorescence, unless the method is "keep".
    steps : Steps
    progress : callable, optional
        Told ``(neurons done, neurons)``.
    control : Stoppable, optional
        Asked between blocks whether to give up.
    n_threads : int, optional
        All cores by default.

    Returns
    -------
    Recording
        Its provenance ends with the steps and with how much was left out for what. Its
        fluorescence is that of the source, unchanged, at the frames and neurons kept.

    Raises
    ------
    RecordingError
        If there is no fluorescence, a trace or region is not there, or nothing is left.
    PreprocessingStopped
        If it was cancelled.
    """
    first = _burn_in(recording, steps)
    frames, dropped = _frames(recording, steps, first)
    n_neurons = recording.n_neurons
    snr = np.full(n_neurons, np.inf, dtype=np.float32)
    if steps.method == "keep":
        spikes = recording.spikes.select_frames(frames)
    else:
        spikes = _binarised(recording, steps, frames, first, snr, progress, control, n_threads)
    activity = spikes.mean_activity
    in_region = np.zeros(n_neurons, dtype=bool)
    for region in steps.regions:
        in_region[_members(recording, region)] = True
    # Every neuron counts for the first reason that excludes it.
    kept = np.ones(n_neurons, dtype=bool)
    for reason, passes in (
        ("listed", _not_listed(recording, steps)),
        ("outside_regions", in_region if steps.regions else kept.copy()),
        ("low_quality", snr >= steps.min_snr),
        ("low_activity", activity >= steps.min_activity),
        ("high_activity", activity <= steps.max_activity),
    ):
        dropped[f"neurons_{reason}"] = int((kept & ~passes).sum())
        kept &= passes
    neurons = np.flatnonzero(kept)
    if not len(neurons):
        raise RecordingError(
            f"Preprocessing leaves none of {n_neurons:,} neurons ({dropped_text(dropped)}): "
            "loosen the filters or the threshold."
        )
    fluorescence = recording.fluorescence
    if fluorescence is not None:
        fluorescence = FluorescencePart(fluorescence, frames, neurons)
    return replace(
        recording,
        coordinates=None if recording.coordinates is None else recording.coordinates[neurons],
        spikes=spikes if len(neurons) == n_neurons else spikes.select_neurons(neurons),
        times=recording.times[frames],
        boundaries=_boundaries(recording, frames),
        traces={label: trace[frames] for label, trace in recording.traces.items()},
        regions=None if recording.regions is None else recording.regions.select_neurons(neurons),
        fluorescence=fluorescence,
        provenance=(
            *recording.provenance,
            Step(PROVENANCE, {"steps": steps.as_dict(), "dropped": dropped}),
        ),
    )


def _boundaries(recording: Recording, frames: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the boundaries among the kept frames."""
    places = np.searchsorted(frames, recording.boundaries)
    return tuple(int(place) for place in places if 0 < place < len(frames))


def steps_of(recording: Recording) -> Steps:
    """Return the steps last applied to a recording, to repeat them on another.

    Raises
    ------
    RecordingError
        If its provenance holds none.
    """
    for step in reversed(recording.provenance):
        if step.name == PROVENANCE and isinstance(step.parameters.get("steps"), dict):
            return Steps.from_dict(step.parameters["steps"])
    raise RecordingError(f"The provenance of '{recording.name}' holds no preprocessing.")


def dropped_text(dropped: dict[str, int]) -> str:
    """Describe what was left out."""
    parts = [
        f"{count:,} {what.replace('_', ' ', 1).replace('_', ' ')}"
        for what, count in dropped.items()
        if count
    ]
    return "left out: " + ", ".join(parts) if parts else "nothing was left out"


def frame_rate_hz(recording: Recording) -> float:
    """Return the frame rate in hertz, from the median interval.

    Raises
    ------
    RecordingError
        If there are fewer than two frames.
    """
    if recording.n_frames < 2:
        raise RecordingError("Preprocessing needs two frames or more; the recording has one.")
    return 1 / recording.frame_interval_s


def first_frame(recording: Recording, steps: Steps) -> int:
    """Return the first frame after the burn-in."""
    return int(np.searchsorted(recording.times, recording.times[0] + steps.burn_in_s))


def kept_frames(recording: Recording, steps: Steps) -> NDArray[np.int64]:
    """Return the frames that remain after burn-in, motion and the listed ones, ascending.

    Raises
    ------
    RecordingError
        If a trace is not there, or no frame remains.
    """
    return _frames(recording, steps, _burn_in(recording, steps))[0]


def _burn_in(recording: Recording, steps: Steps) -> int:
    first = first_frame(recording, steps)
    if recording.n_frames - first < 2:
        raise RecordingError(
            f"A burn-in of {steps.burn_in_s:g} s leaves fewer than two frames of a recording of "
            f"{recording.duration_s:g} s."
        )
    return first


def _frames(
    recording: Recording, steps: Steps, first: int
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return the frames to keep, and the number left out for each reason."""
    kept = np.ones(recording.n_frames, dtype=bool)
    kept[:first] = False
    dropped = {"frames_burn_in": first}
    still = np.ones_like(kept)
    if steps.motion_trace is not None:
        if steps.motion_trace not in recording.traces:
            raise RecordingError(
                f"'{recording.name}' has no trace '{steps.motion_trace}'; it has "
                f"{', '.join(recording.traces) or 'none'}."
            )
        still = ~(recording.traces[steps.motion_trace] > steps.motion_above)
    dropped["frames_motion"] = int((kept & ~still).sum())
    kept &= still
    listed = np.zeros_like(kept)
    for start, last in steps.drop_frames:
        if last >= recording.n_frames:
            raise RecordingError(
                f"Frames {start}-{last} cannot be left out: the last frame is "
                f"{recording.n_frames - 1}."
            )
        listed[start : last + 1] = True
    dropped["frames_listed"] = int((kept & listed).sum())
    kept &= ~listed
    if not kept.any():
        raise RecordingError(f"Preprocessing leaves no frames ({dropped_text(dropped)}).")
    return np.flatnonzero(kept), dropped


def _not_listed(recording: Recording, steps: Steps) -> NDArray[np.bool_]:
    """Return which neurons are in none of the ranges to leave out."""
    kept = np.ones(recording.n_neurons, dtype=bool)
    for start, last in steps.drop_neurons:
        if last >= recording.n_neurons:
            raise RecordingError(
                f"Neurons {start}-{last} cannot be left out: the last neuron is "
                f"{recording.n_neurons - 1}."
            )
        kept[start : last + 1] = False
    return kept


def _members(recording: Recording, region: str) -> NDArray[np.int64]:
    if recording.regions is None or region not in recording.regions.names:
        raise RecordingError(f"'{recording.name}' has no region '{region}'.")
    return recording.regions.members(region)


def _binarised(
    recording: Recording,
    steps: Steps,
    frames: NDArray[np.int64],
    first: int,
    snr: NDArray[np.float32],
    progress: Progress | None,
    control: Stoppable | None,
    n_threads: int | None,
) -> Spikes:
    """Compute spikes at the chosen frames; fill ``snr`` if given."""
    if recording.fluorescence is None:
        raise RecordingError(
            f"'{recording.name}' holds no fluorescence: choose the method 'keep' to filter its "
            "spikes, or open a file with fluorescence."
        )
    rate, n_neurons = frame_rate_hz(recording), recording.n_neurons
    relative = frames - first
    starts = [max(start - first, 0) for start, stop in recording.segments if stop > first]

    def work(neuron: int, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        result = stages(block[first:], rate, steps, starts)
        if steps.min_snr > 0:
            snr[neuron : neuron + block.shape[1]] = signal_to_noise(result.dff)
        return result.active[relative]

    tiles = stream(
        _blocks(recording.fluorescence),
        work,
        n_neurons,
        progress=progress,
        control=control,
        n_threads=n_threads,
    )
    return Spikes.from_tiles(tiles, len(frames), n_neurons)


def _blocks(fluorescence: Fluorescence) -> Iterator[NDArray[np.float32] | Waiting]:
    """Yield whole traces of consecutive neurons, in blocks that suit the fluorescence."""
    streamed = getattr(fluorescence, "neuron_blocks", None)
    if streamed is not None:
        yield from streamed()
        return
    n_frames, n_neurons = fluorescence.shape
    size = max(1, _BLOCK_VALUES // n_frames)
    for start in range(0, n_neurons, size):
        traces = [fluorescence.trace(i) for i in range(start, min(start + size, n_neurons))]
        yield np.stack(traces, axis=1)
