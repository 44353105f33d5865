"""Options on how a recording of another program is read, shared by commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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


_OPTIONS: dict[str, Any] = {
    "binarise": Binarise,
    "frame_rate_hz": FrameRate,
    "region_names": RegionNames,
    "space": Space,
    "unit": Unit,
    "flip_z": FlipZ,
    "group": Group,
    "um_per_pixel": UmPerPixel,
    "plane_spacing_um": PlaneSpacing,
    "profile": ProfileFile,
}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options on how a file is read.

    The command has a parameter ``opening``, which gets those a person gave, for
    `napari_crbm.io.open_recording`; they follow its arguments.
    """
    parameters = inspect.signature(command, eval_str=True).parameters
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in parameters.items()
        if name != "opening"
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]
    arguments = [each for each in own if each.default is inspect.Parameter.empty]
    others = [each for each in own if each.default is not inspect.Parameter.empty]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        opening = _checked({name: given.pop(name) for name in _OPTIONS})
        command(**given, opening=opening)

    signature = inspect.Signature([*arguments, *added, *others])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return run


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """Options without those that were not given; a choice that is none is refused."""
    for option, known in (("space", ("zbrain", "native")), ("unit", ("mm", "um"))):
        value = options.get(option)
        if value is not None and value not in known:
            raise typer.BadParameter(
                f"'{value}' is not {' or '.join(known)}.", param_hint=f"--{option}"
            )
    return {name: value for name, value in options.items() if value is not None}
