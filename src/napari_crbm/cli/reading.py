"""Options on how a recording of another program is read, shared by commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Binarise = Annotated[
    float | None,
    typer.Option(
        help="Detect events in the fluorescence, with this threshold in standard deviations of a "
        "neuron's noise; 2 to 3 are usual. [default: the file's spikes; 2 where it has none]"
    ),
]
FrameRate = Annotated[
    float | None,
    typer.Option(
        "--frame-rate-hz", help="Frames a second, if the file's times are missing or wrong."
    ),
]
RegionNames = Annotated[
    Path | None, typer.Option(help="Text file with one region name a line, in label order.")
]
Space = Annotated[
    str | None, typer.Option(help="'zbrain' or 'native' coordinates. [default: zbrain if there]")
]
Unit = Annotated[
    str | None, typer.Option(help="Unit of the coordinates, 'mm' or 'um'. [default: by extent]")
]
FlipZ = Annotated[
    bool | None,
    typer.Option("--flip-z/--no-flip-z", help="Turn ventral-to-dorsal z into dorsal-to-ventral."),
]
Group = Annotated[
    str | None,
    typer.Option(
        help="Which recording of a file with several, or which plane or series of an NWB file."
    ),
]
UmPerPixel = Annotated[
    float | None,
    typer.Option(help="Micrometres a pixel, for imaging programs. [default: the file's, or 1]"),
]
PlaneSpacing = Annotated[
    float | None,
    typer.Option(
        "--plane-spacing-um",
        help="Micrometres between planes, for imaging programs. [default: the file's, or 10]",
    ),
]
ProfileFile = Annotated[
    Path | None,
    typer.Option(
        help="Profile (.json) that says which array of the file is what; write one with "
        "'info FILE --save-profile' or in the viewer."
    ),
]


def checked(**options: Any) -> dict[str, Any]:
    """Options for `open_recording`, those that were not given left out.

    Raises
    ------
    typer.BadParameter
        If a choice is not one of those there are.
    """
    for option, known in (("space", ("zbrain", "native")), ("unit", ("mm", "um"))):
        value = options.get(option)
        if value is not None and value not in known:
            raise typer.BadParameter(
                f"'{value}' is not {' or '.join(known)}.", param_hint=f"--{option}"
            )
    return {name: value for name, value in options.items() if value is not None}
