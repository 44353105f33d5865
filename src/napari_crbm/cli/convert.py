"""``napari-crbm convert``: convert files of other programs to ``.h5`` or NWB."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from napari_crbm.recording import Recording


@reading.with_options
def convert(
    source: RecordingPath,
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT",
            help="File to write: .nwb for NWB, .h5 for the format of napari-crbm.",
            show_default=False,
        ),
    ],
    opening: dict[str, Any],
    model: Annotated[
        Path | None,
        typer.Option(
            help="Model to write into the NWB file beside the recording: assemblies, "
            "weights, activity."
        ),
    ] = None,
    session_start: Annotated[
        datetime | None,
        typer.Option(help="When the recording was made, for NWB.", show_default="not known"),
    ] = None,
    fishualizer: Annotated[
        bool,
        typer.Option(
            "--fishualizer", help="Write a model's weights as a table for Fishualizer and pandas."
        ),
    ] = False,
    recording: Annotated[
        Path | None,
        typer.Option(
            help="With --fishualizer: the whole recording, if the model was trained on its "
            "neurons inside regions; all others get weights of zero."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Read a recording or a model of another program, and write it as .h5 or NWB."""
    from napari_crbm.io import open_recording, read_kind, save_recording

    as_nwb = output.suffix.lower() == ".nwb"
    is_model = opening.get("profile") is None and read_kind(source) == "model"
    for wrong, hint, why in (
        (model is not None and (not as_nwb or is_model), "--model", "is for a recording to .nwb"),
        (session_start is not None and not as_nwb, "--session-start", "is for .nwb"),
        (fishualizer and not is_model, "--fishualizer", "is for models"),
        (recording is not None and not fishualizer, "--recording", "goes with --fishualizer"),
        (
            is_model and bool(opening),
            reading.given_names(opening),
            "is for recordings, but a model is converted",
        ),
        (
            is_model and as_nwb,
            "OUTPUT",
            "cannot be .nwb for a model: convert its recording, with the model as --model",
        ),
    ):
        if wrong:
            raise typer.BadParameter(f"{why}.", param_hint=hint)
    require_writable(
        output, force, [source, model, recording], endings=(*RECORDING_ENDINGS, ".nwb")
    )
    if is_model:
        _convert_model(source, output, fishualizer, recording)
        return
    with progress_bar("Opening", "neurons") as advance:
        opened = open_recording(source, progress=advance, **opening)
    if as_nwb:
        _write_nwb(opened, output, model, session_start)
    else:
        save_recording(opened, output)
    say(f"Wrote {output}.\n{opened!r}")


def _convert_model(source: Path, output: Path, fishualizer: bool, recording: Path | None) -> None:
    from napari_crbm.io import load_model, open_recording, save_model, save_weights

    model = load_model(source)
    if not fishualizer:
        save_model(model, output)
    else:
        labelled: Any = None
        if recording is not None:
            whole = open_recording(recording)
            if whole.regions is not None and whole.n_neurons != model.n_neurons:
                labelled = whole.regions.labelled
        save_weights(model, output, labelled)
    say(
        f"Wrote {output}: {counted(model.n_assemblies, 'assembly', 'assemblies')} of "
        f"{counted(model.n_neurons, 'neuron')}."
    )


def _write_nwb(
    recording: Recording, output: Path, model_path: Path | None, start: datetime | None
) -> None:
    from napari_crbm.analysis import export_nwb
    from napari_crbm.io import load_model

    model = None if model_path is None else load_model(model_path)
    export_nwb(recording, output, model, session_start=start)
