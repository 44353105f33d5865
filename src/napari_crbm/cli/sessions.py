"""``napari-crbm join`` and ``split``: several sessions of the same neurons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    RECORDING_ENDINGS,
    RecordingPath,
    counted,
    progress_bar,
    require_writable,
    say,
)


@reading.with_options
def join(
    sessions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SESSION SESSION ...",
            help="Recordings of the same neurons, in the order in which to join them.",
            show_default=False,
        ),
    ],
    opening: dict[str, Any],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write (.h5).", show_default=False),
    ],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            help="Name of a session, in their order; repeatable.",
            show_default="those in the files",
        ),
    ] = None,
    within_um: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Largest distance between positions of a neuron in two sessions, in µm.",
            show_default="1",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Join sessions of the same neurons to one recording; each begins a new segment."""
    from napari_crbm.io import open_recording, save_recording
    from napari_crbm.preprocessing import join_sessions
    from napari_crbm.preprocessing.sessions import WITHIN_UM

    require_writable(output, force, sessions, endings=RECORDING_ENDINGS)
    opened = []
    for path in sessions:
        with progress_bar(f"Opening {path.name}", "neurons") as advance:
            opened.append(open_recording(path, progress=advance, **opening))
    joined = join_sessions(
        opened, names=names or None, within_um=WITHIN_UM if within_um is None else within_um
    )
    save_recording(joined, output)
    say(f"Wrote {output}: {counted(len(opened), 'session')}.\n{joined!r}")


@reading.with_options
def split(
    source: RecordingPath,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder for the files, one a session (.h5).", show_default=False
        ),
    ],
    opening: dict[str, Any],
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Split a recording into the sessions that were joined, or else into its segments."""
    from napari_crbm.io import open_recording, save_recording
    from napari_crbm.io.safety.replacing import make_folder
    from napari_crbm.preprocessing import split_sessions

    with progress_bar("Opening", "neurons") as advance:
        recording = open_recording(source, progress=advance, **opening)
    parts = split_sessions(recording)
    make_folder(folder)
    paths = file_names(folder, [part.name for part in parts])
    for path in paths:
        require_writable(path, force, [source])
    for part, path in zip(parts, paths, strict=True):
        save_recording(part, path)
        say(f"Wrote {path}: {counted(part.n_frames, 'frame')}.")


def file_names(folder: Path, names: list[str]) -> list[Path]:
    """Return a different file name for every session; names may hold any characters."""
    found: list[Path] = []
    for number, name in enumerate(names, start=1):
        stem = re.sub(r"[^\w.+-]+", "-", name).strip("-. ") or f"session-{number}"
        path = folder / f"{stem}.h5"
        if path in found:
            path = folder / f"{stem}-{number}.h5"
        found.append(path)
    return found
