"""Planes of a Suite2p run put together: neuropil, rejected cells, bad frames, positions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.imaging_programs import active_frames, frame_times, in_micrometres
from napari_crbm.io.reading.traces import Chosen, Combined, Held, Joined, Relative
from napari_crbm.preprocessing.run import FluorescencePart
from napari_crbm.recording import Recording, Step

# Suite2p's own default; its settings say so if it was changed.
_NEUROPIL_SHARE = 0.7
# Planes are imaged one after the other, so that their numbers of frames differ by one.
_USUAL_DIFFERENCE = 1
_RATE_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Plane:
    """What Suite2p has written about one plane; traces are left in their files.

    Parameters
    ----------
    name : str
        For messages.
    number : int
        Of the plane in depth, from 0.
    traces : (cells, T)
        Fluorescence, ``F``.
    neuropil, deconvolved : (cells, T), optional
        ``Fneu`` and ``spks``.
    kept : (cells,) bool
        The first column of ``iscell``.
    centres : (cells, 2)
        y, x in pixels.
    settings : mapping
        Of ``ops`` or of the settings of Suite2p 1.x, under the names of ``ops``.
    """

    name: str
    number: int
    traces: NDArray[np.floating]
    neuropil: NDArray[np.floating] | None
    deconvolved: NDArray[np.floating] | None
    kept: NDArray[np.bool_]
    centres: NDArray[np.float64]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        for what, values in (("Fneu", self.neuropil), ("spks", self.deconvolved)):
            if values is not None and values.shape != self.traces.shape:
                raise RecordingError(
                    f"{what} of {self.name} has shape {values.shape}, F {self.traces.shape}: they "
                    "belong to different runs."
                )

    @property
    def rate_hz(self) -> float | None:
        """Frame rate of the plane."""
        return _number(self.settings.get("fs"))

    @property
    def bad_frames(self) -> NDArray[np.bool_] | None:
        """Frames that Suite2p excluded, (T,)."""
        stored = self.settings.get("badframes")
        if stored is None or np.size(stored) < self.traces.shape[1]:
            return None
        return np.ravel(np.asarray(stored))[: self.traces.shape[1]].astype(bool)

    @property
    def field(self) -> tuple[float, float]:
        """Offset of a mesoscope field, rows and columns, in pixels.

        Suite2p also writes ``dx`` and ``dy`` for the mosaic of planes that it shows; only
        recordings of a mesoscope have ``lines``.
        """
        if not self._has_fields:
            return 0.0, 0.0
        dy, dx = (_number(self.settings.get(name)) for name in ("dy", "dx"))
        return dy or 0.0, dx or 0.0

    @property
    def depth(self) -> int:
        """Index of the imaging plane in depth; a mesoscope has several fields per plane."""
        n_fields = _number(self.settings.get("nrois")) if self._has_fields else None
        return self.number // max(int(n_fields or 1), 1)

    @property
    def _has_fields(self) -> bool:
        return bool(self.settings.get("mesoscan")) or "lines" in self.settings


def joined(
    planes: Sequence[Plane], name: str, options: ReadOptions, notes: dict[str, Any], source: str
) -> Recording:
    """Make a recording of all kept cells of the planes.

    Parameters
    ----------
    planes : sequence of Plane
        With cells.
    name : str
        Of the recording.
    options : ReadOptions
    notes : dict
        For the provenance.
    source : str
        Where the frame rate is from.

    Raises
    ------
    RecordingError
        If no cell was kept, or planes have different frame rates.
    """
    kept = [np.flatnonzero(plane.kept) for plane in planes]
    if not any(len(cells) for cells in kept):
        raise RecordingError(
            "No cell was kept: the first column of iscell is 0 for all of them. Choose cells in "
            "Suite2p, or remove iscell.npy to use all."
        )
    notes["planes"] = [plane.name for plane in planes]
    notes["cells_rejected"] = int(sum((~plane.kept).sum() for plane in planes))
    rate = _common_rate(planes)
    own = [Chosen(Held(plane.traces.T), cells) for plane, cells in zip(planes, kept, strict=True)]
    corrected = Joined(
        tuple(
            _corrected(plane, cells, traces)
            for plane, cells, traces in zip(planes, kept, own, strict=True)
        )
    )
    deconvolved = None
    if all(plane.deconvolved is not None for plane in planes):
        deconvolved = Joined(
            tuple(
                Chosen(Held(plane.deconvolved.T), cells)
                for plane, cells in zip(planes, kept, strict=True)
                if plane.deconvolved is not None
            )
        )
    _tell_lengths(planes)
    zyx = np.concatenate(
        [
            np.column_stack(
                [np.full(len(cells), float(plane.depth)), plane.centres[cells] + plane.field]
            )
            for plane, cells in zip(planes, kept, strict=True)
        ]
    )
    if any(plane.field != (0.0, 0.0) for plane in planes):
        notes["fields"] = [
            f"{plane.name}: dy {y:g}, dx {x:g}" for plane in planes for y, x in [plane.field]
        ]
    coordinates = in_micrometres(zyx, options, notes, "Suite2p")
    binarised = "rises of F" if deconvolved is None else "spks"
    spikes, step = active_frames(corrected, options, deconvolved=deconvolved, source=binarised)
    recording = Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=frame_times(spikes.n_frames, options, notes, rate_hz=rate, source=source),
        name=name,
        # Divided by uncorrected traces, so that cells dimmer than their surroundings keep
        # their sign.
        fluorescence=Relative(corrected, Joined(tuple(own))),
        provenance=(Step("read Suite2p", notes), step),
    )
    return without_bad_frames(recording, [plane.bad_frames for plane in planes])


def without_bad_frames(
    recording: Recording, marked: Sequence[NDArray[np.bool_] | None]
) -> Recording:
    """Drop the frames that any plane marks as bad, and say how many."""
    n_frames = recording.n_frames
    bad = np.zeros(n_frames, dtype=bool)
    for each in marked:
        if each is not None:
            bad |= each[:n_frames]
    if not bad.any():
        return recording
    if bad.all():
        raise RecordingError("Suite2p marks all frames as bad (badframes), so none is left.")
    warnings.warn(
        f"{bad.sum():,} of {n_frames:,} frames are marked as bad by Suite2p (badframes) and are "
        "left out.",
        stacklevel=4,
    )
    frames = np.flatnonzero(~bad)
    fluorescence = recording.fluorescence
    assert fluorescence is not None
    return Recording(
        coordinates=recording.coordinates,
        spikes=recording.spikes.select_frames(frames),
        times=recording.times[frames],
        name=recording.name,
        fluorescence=FluorescencePart(fluorescence, frames, np.arange(recording.n_neurons)),
        provenance=(
            *recording.provenance,
            Step("leave out bad frames", {"count": int(bad.sum()), "of": n_frames}),
        ),
    )


def _corrected(plane: Plane, cells: NDArray[np.int64], own: Chosen) -> Chosen | Combined:
    if plane.neuropil is None:
        return own
    share = _number(plane.settings.get("neucoeff"))
    factor = np.float32(_NEUROPIL_SHARE if share is None else share)
    around = Chosen(Held(plane.neuropil.T), cells)
    return Combined((own, around), lambda f, n: f - factor * n)


def _common_rate(planes: Sequence[Plane]) -> float | None:
    rates = [plane.rate_hz for plane in planes if plane.rate_hz is not None]
    if not rates:
        return None
    if max(rates) - min(rates) > _RATE_TOLERANCE * max(rates):
        raise RecordingError(
            f"The planes have frame rates from {min(rates):g} to {max(rates):g} Hz, so their "
            "frames do not belong together: open one plane at a time."
        )
    return rates[0]


def _tell_lengths(planes: Sequence[Plane]) -> None:
    lengths = [plane.traces.shape[1] for plane in planes]
    if max(lengths) - min(lengths) > _USUAL_DIFFERENCE:
        warnings.warn(
            f"The planes have {min(lengths):,} to {max(lengths):,} frames: the first "
            f"{min(lengths):,} of each are used.",
            stacklevel=4,
        )


def _number(value: Any) -> float | None:
    if value is None or np.size(value) != 1 or np.asarray(value).dtype.kind not in "biuf":
        return None
    return float(np.ravel(np.asarray(value))[0])
