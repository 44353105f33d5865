"""``napari-crbm convert``: a recording in another layout, once and for all in ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from napari_crbm.cli.console import RecordingPath, progress_bar, require_writable, say


def convert(
    source: RecordingPath,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="File to write (.h5).", show_default=False)
    ],
    binarise: Annotated[
        float | None,
        typer.Option(
            help="Detect events in the fluorescence, with this threshold in standard deviations "
            "of a neuron's noise; 2 to 3 are usual. [default: read the file's spikes]"
        ),
    ] = None,
    frame_rate_hz: Annotated[
        float | None,
        typer.Option(help="Frames a second, if the file's times are missing or wrong."),
    ] = None,
    region_names: Annotated[
        Path | None, typer.Option(help="Text file with one region name a line, in label order.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="'zbrain' or 'native' coordinates. [default: zbrain if there]"),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Unit of the coordinates, 'mm' or 'um'. [default: by extent]")
    ] = None,
    flip_z: Annotated[
        bool | None,
        typer.Option(
            "--flip-z/--no-flip-z", help="Turn ventral-to-dorsal z into dorsal-to-ventral."
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="HDF5 group to read, if the file holds several recordings.")
    ] = None,
    um_per_pixel: Annotated[
        float | None, typer.Option(help="Micrometres a pixel, for Suite2p folders. [default: 1]")
    ] = None,
    plane_spacing_um: Annotated[
        float | None, typer.Option(help="Micrometres between planes, for Suite2p. [default: 10]")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            help="Profile (.json) that says which array of the file is what; write one with "
            "'info FILE --save-profile' or in the viewer."
        ),
    ] = None,
    drop_unlabelled: Annotated[
        bool,
        typer.Option(
            "--drop-unlabelled", help="Leave out neurons in no region, as the paper does."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Read a recording or a model of another program, and write it in our format."""
    from napari_crbm.io import load_model, open_recording, read_kind, save_model, save_recording

    for option, value, known in (
        ("--space", space, ("zbrain", "native")),
        ("--unit", unit, ("mm", "um")),
    ):
        if value is not None and value not in known:
            raise typer.BadParameter(f"'{value}' is not {' or '.join(known)}.", param_hint=option)
    require_writable(output, force)
    if profile is None and read_kind(source) == "model":
        model = load_model(source)
        save_model(model, output)
        say(f"Wrote {output}: {model.n_assemblies} assemblies of {model.n_neurons:,} neurons.")
        return
    with progress_bar("Opening", "neurons") as advance:
        recording = open_recording(
            source,
            keep_unlabelled=not drop_unlabelled,
            binarise=binarise,
            frame_rate_hz=frame_rate_hz,
            region_names=region_names,
            space=cast("Literal['zbrain', 'native'] | None", space),
            unit=cast("Literal['mm', 'um'] | None", unit),
            flip_z=flip_z,
            group=group,
            um_per_pixel=um_per_pixel,
            plane_spacing_um=plane_spacing_um,
            profile=profile,
            progress=advance,
        )
    save_recording(recording, output)
    say(f"Wrote {output}.\n{recording!r}")
