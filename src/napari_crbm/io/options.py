"""Options for reading files whose layout does not say everything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from napari_crbm.declarations import Setting, check, declared, documented
from napari_crbm.errors import RecordingError
from napari_crbm.io.encodings import read_text
from napari_crbm.preprocessing import Progress, Stoppable


@documented
@dataclass(frozen=True)
class ReadOptions:
    """Options of `napari_crbm.io.open_recording`.

    All but the first are for files of other programs.

    Raises
    ------
    SettingError
        If a value has a wrong type or is out of its range.
    """

    keep_unlabelled: Annotated[
        bool,
        Setting(
            "Keep neurons that lie in no region; the paper drops them.",
            label="Keep neurons outside regions",
            off="drop-unlabelled",
        ),
    ] = True
    flip_z: Annotated[
        bool | None,
        Setting(
            "The stored z runs from ventral to dorsal: turn it around.",
            label="Depth",
            absent="as the format defines",
        ),
    ] = None
    space: Annotated[
        Literal["zbrain", "native"] | None,
        Setting(
            "Which coordinates to use: in the ZBrain atlas ('zbrain') or as recorded ('native').",
            label="Coordinates",
            absent="zbrain if the file has them",
        ),
    ] = None
    unit: Annotated[
        Literal["mm", "um"] | None,
        Setting(
            "Unit of the stored coordinates.",
            label="Unit of coordinates",
            absent="mm if the neurons span less than 5, else um",
        ),
    ] = None
    region_names: Annotated[
        str | Path | Sequence[str] | None,
        Setting(
            "Text file with one region name per line, in the order of the labels.",
            absent="the names in the file",
        ),
    ] = None
    frame_rate_hz: Annotated[
        float | None,
        Setting(
            "Frame rate, if the times in the file are missing or wrong.",
            gt=0,
            unit="Hz",
            label="Frame rate",
            absent="from the times in the file",
        ),
    ] = None
    time_unit: Annotated[
        Literal["s", "ms", "us", "ns"] | None,
        Setting(
            "Unit of the times in the file.",
            label="Unit of times",
            absent="s",
        ),
    ] = None
    binarise: Annotated[
        float | None,
        Setting(
            "Detect events in the fluorescence, with this threshold in standard deviations of a "
            "neuron's noise; 2 to 3 are usual.",
            gt=0,
            label="Event threshold",
            absent="the spikes in the file; 2 for imaging programs, whose files have none",
        ),
    ] = None
    bin_s: Annotated[
        float | None,
        Setting(
            "Width of the bins for spike times.",
            gt=0,
            unit="s",
            label="Bin width",
            absent="0.05",
        ),
    ] = None
    group: Annotated[
        str | None,
        Setting(
            "Which recording of a file with several; plane or series of an NWB file; response "
            "array of Chen et al. 2018.",
            label="Part of the file",
            absent="the only one",
        ),
    ] = None
    neurons_first: Annotated[
        bool | None,
        Setting(
            "Activity is stored as (neurons, frames), not as (frames, neurons).",
            label="Neurons are the first axis",
            off="frames-first",
            absent="from the shapes of the arrays",
        ),
    ] = None
    um_per_pixel: Annotated[
        float | None,
        Setting(
            "Size of a pixel, for imaging programs.",
            gt=0,
            unit="µm",
            label="Pixel size",
            absent="as stored in the file, or 1",
        ),
    ] = None
    plane_spacing_um: Annotated[
        float | None,
        Setting(
            "Distance of planes, for imaging programs.",
            gt=0,
            unit="µm",
            label="Plane spacing",
            absent="as stored in the file, or 10",
        ),
    ] = None
    progress: Progress | None = None
    control: Stoppable | None = None

    def __post_init__(self) -> None:
        check(self)

    def names_of_regions(self) -> tuple[str, ...] | None:
        """Return the given region names, read from their file if a path was given.

        Raises
        ------
        RecordingError
            If that cannot be read.
        """
        if not isinstance(self.region_names, str | Path):
            return None if self.region_names is None else tuple(self.region_names)
        try:
            text = read_text(Path(self.region_names))
        except OSError as error:
            raise RecordingError(
                f"Region names cannot be read from {self.region_names}: {error}."
            ) from error
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    def given(self) -> dict[str, Any]:
        """Return the options about the file's content that differ from their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("progress", "control")
            and getattr(self, field.name) != field.default
        }


def naming_fields(message: str, names: Mapping[str, str], *, flags: bool = True) -> str:
    """Return a message of the library with other names for the options on how a file is read.

    Parameters
    ----------
    message : str
        Names options as Python does, "um_per_pixel", as the command line does, "--um-per-pixel",
        or both, "the option um_per_pixel (--um-per-pixel)". What stands in quotes stays, and
        so do names of files.
    names : mapping of str to str
        Name to show for every field of `ReadOptions`.
    flags : bool
        False leaves names as on the command line as they are.
    """
    for each in declared(ReadOptions):
        shown = names[each.name].replace("\\", r"\\")
        flag = re.escape(each.option)
        # Names without an underscore, such as "unit", are also ordinary words.
        option = "(the option )?" if "_" in each.name else "the option "
        python = rf"{option}(?<![\w'/.-]){each.name}\b(?!'|\.\w)( \({flag}\))?(?! *=)"
        message = re.sub(python, shown, message)
        if flags:
            message = re.sub(rf"(the option )?(?<![\w-]){flag}(?![\w-])", shown, message)
    return message
