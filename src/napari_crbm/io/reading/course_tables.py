"""Courses and events that a table brings for a recording: stimulus, behaviour, onsets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError
from napari_crbm.io.reading.tables import SUFFIXES, read_frame
from napari_crbm.io.reading.usual_names import TIME_NAMES
from napari_crbm.recording import GAP_INTERVALS, Recording

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
EventUnit = Literal["frames", "seconds"]

#: Columns with the time of each row, in seconds.
_TIMES = (*TIME_NAMES, "time_s", "t_s", "seconds")
#: Columns of onsets in frames, beside those in seconds.
_FRAMES = ("frame", "frames", "onset_frame", "frame_number")
_ONSETS = ("onset", "onsets", "onset_s", "onsets_s", "start_s", "event_s", *_TIMES)
_ROW_NUMBERS = ("", "index", "row", *_FRAMES)


def split_place(text: str) -> tuple[Path, str]:
    """Split ``FILE:COLUMN`` into the file and the name of the column, empty without one."""
    file, colon, column = text.rpartition(":")
    # The drive of a path on Windows is one letter.
    if colon and Path(file).suffix.lower() in SUFFIXES and len(file) > 1:
        return Path(file), column.strip()
    return Path(text), ""


def course_columns(path: Path | str) -> list[str]:
    """Return the names of the columns of a table that may be courses: numbers, not times.

    Raises
    ------
    FormatError
        If the table cannot be read.
    """
    return list(_courses(_read(Path(path))))


def read_course(path: Path | str, column: str, recording: Recording) -> FloatArray:
    """Read a course from a table, with one value per frame of a recording.

    Parameters
    ----------
    path : path
        CSV, TSV, text or Parquet.
    column : str
        Name of the column; empty if there is only one besides the times.
    recording : Recording

    Returns
    -------
    (T,) float64
        A table with a column of times (``time``, ``time_s``, ``t``, ...; in seconds, on the clock
        of the recording) is resampled: it is averaged over each frame if it has several values
        per frame, otherwise interpolated linearly. Frames are NaN before its first and after its
        last time in their segment, and in its gaps. Without times the table needs one row per
        frame.

    Raises
    ------
    FormatError
        If the table or the column cannot be used; the message says why.
    """
    path = Path(path)
    table = _read(path)
    values = _column(path, _courses(table), column)
    times = _times(path, table)
    if times is None:
        if len(values) != recording.n_frames:
            raise FormatError(
                f"{path.name} has {len(values):,} rows, the recording {recording.n_frames:,} "
                "frames: give one row per frame, or a column 'time_s' with the times of the rows "
                "in seconds."
            )
        return values
    resampled = _resampled(times, values, recording)
    if not np.isfinite(resampled).any():
        raise FormatError(
            f"The times of {path.name} ({times[0]:g} to {times[-1]:g} s) do not overlap those of "
            f"the recording ({recording.times[0]:g} to {recording.times[-1]:g} s)."
        )
    return resampled


def read_events(
    path: Path | str, column: str, recording: Recording, unit: EventUnit | None = None
) -> NDArray[np.int64]:
    """Read the onsets of events from a table.

    Parameters
    ----------
    path : path
        CSV, TSV, text or Parquet, one row per event.
    column : str
        Name of the column with the onsets; empty if there is only one of numbers.
    recording : Recording
    unit : {"frames", "seconds"}, optional
        By default it follows from the name of the column (``frame`` or ``onset_frame``; ``time``,
        ``time_s``, ``onset`` or ``onset_s``).

    Returns
    -------
    (E,) int64
        Frames, ascending: for onsets in seconds the first frame at or after the onset.

    Raises
    ------
    FormatError
        If the table or the column cannot be used; the message says why.
    """
    path = Path(path)
    columns = _numbers(_read(path))
    name = column or (next(iter(columns)) if len(columns) == 1 else "")
    usual = [each for each in columns if each.lower() in (*_FRAMES, *_ONSETS)]
    if not name and len(usual) == 1:
        name = usual[0]
    values = _column(path, columns, name)
    values = values[np.isfinite(values)]
    if unit is None:
        known = {**dict.fromkeys(_FRAMES, "frames"), **dict.fromkeys(_ONSETS, "seconds")}
        found = known.get(name.strip().lower())
        if found is None:
            raise FormatError(
                f"The name of column '{name}' of {path.name} does not say whether it holds frames "
                "or seconds: call it 'frame' or 'onset_s', or give the option events_in "
                "(--events-in)."
            )
        unit = "frames" if found == "frames" else "seconds"
    if unit == "frames":
        if (values != np.round(values)).any():
            raise FormatError(f"Column '{name}' of {path.name} holds frames that are not whole.")
        outside = values[(values < 0) | (values >= recording.n_frames)]
        if len(outside):
            raise FormatError(
                f"Column '{name}' of {path.name} holds frame {outside[0]:g}: the recording's "
                f"frames are 0 to {recording.n_frames - 1:,}."
            )
        return np.unique(values.astype(np.int64))
    inside = (values >= recording.times[0]) & (values <= recording.times[-1])
    if not inside.all():
        raise FormatError(
            f"{int((~inside).sum())} of {len(values)} onsets in {path.name} lie outside the "
            f"recording ({recording.times[0]:g} to {recording.times[-1]:g} s), the first at "
            f"{values[~inside][0]:g} s. Onsets are in seconds on the clock of the recording."
        )
    return np.unique(np.searchsorted(recording.times, values))


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() not in SUFFIXES or path.suffix.lower() == ".xlsx":
        raise FormatError(
            f"'{path.name}' is not a table that is read here: it must end in .csv, .tsv, .txt or "
            ".parquet."
        )
    if not path.is_file():
        raise FormatError(f"There is no file {path}.")
    table = read_frame(path)
    table.columns = [str(name).strip() for name in table.columns]
    if table.columns.has_duplicates:
        again = table.columns[table.columns.duplicated()][0]
        raise FormatError(f"{path.name} has two columns '{again}': rename one of them.")
    return table


def _numbers(table: pd.DataFrame) -> dict[str, FloatArray]:
    """Return the columns of numbers by name."""
    import pandas as pd

    return {
        str(name): table[name].to_numpy(dtype=np.float64)
        for name in table.columns
        if pd.api.types.is_numeric_dtype(table[name].dtype)
    }


def _courses(table: pd.DataFrame) -> dict[str, FloatArray]:
    """Return the columns of numbers that are neither times nor the numbers of rows."""
    left_out = (*_TIMES, *_ROW_NUMBERS)
    return {
        name: values
        for name, values in _numbers(table).items()
        if name.lower() not in left_out and not name.startswith("Unnamed")
    }


def _column(path: Path, columns: dict[str, FloatArray], name: str) -> FloatArray:
    if not columns:
        raise FormatError(f"{path.name} has no column of numbers that can be used.")
    if name in columns:
        return columns[name]
    listed = ", ".join(f"'{each}'" for each in columns)
    if not name and len(columns) == 1:
        return next(iter(columns.values()))
    if not name:
        raise FormatError(f"{path.name} has several columns: name one of {listed}.")
    raise FormatError(f"{path.name} has no column of numbers '{name}': it has {listed}.")


def _times(path: Path, table: pd.DataFrame) -> FloatArray | None:
    found = [name for name in _numbers(table) if name.lower() in _TIMES]
    if not found:
        return None
    times: FloatArray = table[found[0]].to_numpy(dtype=np.float64)
    if len(times) < 2 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise FormatError(
            f"Column '{found[0]}' of {path.name} must hold two or more times that increase from "
            "row to row."
        )
    return times


def _resampled(times: FloatArray, values: FloatArray, recording: Recording) -> FloatArray:
    """Average or interpolate samples to the frames of a recording, segment by segment."""
    frame_s = recording.frame_interval_s
    sample_s = float(np.median(np.diff(times)))
    known = np.isfinite(values)
    out = np.full(recording.n_frames, np.nan)
    for start, stop in recording.segments:
        frames = recording.times[start:stop]
        near = known & (times >= frames[0] - frame_s / 2) & (times < frames[-1] + frame_s / 2)
        at, samples = times[near], values[near]
        if not len(at):
            continue
        if sample_s <= frame_s / 2:
            edges = np.concatenate([frames - frame_s / 2, frames[-1:] + frame_s / 2])
            place = np.searchsorted(edges, at, side="right") - 1
            inside = (place >= 0) & (place < len(frames))
            counts = np.bincount(place[inside], minlength=len(frames))
            sums = np.bincount(place[inside], weights=samples[inside], minlength=len(frames))
            out[start:stop] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
            continue
        part = np.interp(frames, at, samples, left=np.nan, right=np.nan)
        after = np.clip(np.searchsorted(at, frames), 1, max(len(at) - 1, 1))
        if len(at) > 1:
            wide = at[after] - at[after - 1] > GAP_INTERVALS * max(sample_s, frame_s)
            on_sample = np.isin(frames, at)
            part[wide & ~on_sample] = np.nan
        out[start:stop] = part
    return out
