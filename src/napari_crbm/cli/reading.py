"""Options on how a recording of another program is read, shared by commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from napari_crbm.cli.generated import with_declared
from napari_crbm.declarations import Declared, Setting, declared
from napari_crbm.io.options import ReadOptions, naming_fields

PANEL = "Options for reading files of other programs"

_PROFILE = Declared(
    "profile",
    Path,
    words=(),
    optional=True,
    repeated=False,
    default=None,
    setting=Setting(
        "Profile (.json) that says which array of the file is what. Write one with 'info FILE "
        "--save-profile' or in the viewer.",
        absent="none; the layout of the file is recognised",
    ),
)

#: All options on how a file is read, by the names of `napari_crbm.io.open_recording`.
READING = (*declared(ReadOptions), _PROFILE)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options on how a file is read.

    The command has a parameter ``opening``, which receives the given options, for
    `napari_crbm.io.open_recording`. An option that the command has itself under the same name is
    left out.
    """
    own = inspect.signature(command).parameters
    listed = [each for each in READING if each.name not in own]
    return with_declared("opening", listed, panel=PANEL)(command)


def in_options(message: str) -> str:
    """Return a message of the library with the options on how a file is read as they are typed.

    "give frame_rate_hz" becomes "give --frame-rate-hz".
    """
    names = {
        each.name: each.flags.replace("/", " or ") if each.kind is bool else each.option
        for each in READING
    }
    return naming_fields(message, names, flags=False)


def given_names(opening: dict[str, object]) -> str:
    """Return the names of the given options as typed on the command line."""
    names = {each.name: each.flags if each.kind is bool else each.option for each in READING}
    return ", ".join(names[name] for name in opening)
