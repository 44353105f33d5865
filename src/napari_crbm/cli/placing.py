"""Place neurons in an atlas by the options of a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_crbm.cli.console import say, warn

if TYPE_CHECKING:
    from napari_crbm.anatomy.atlas import Atlas
    from napari_crbm.anatomy.placement import Placement
    from napari_crbm.recording import Recording


def placed(
    atlas: Atlas,
    recording: Recording,
    affine: Path | None,
    scale_um: str | None,
    columns: str,
    *,
    centre: bool,
) -> Placement:
    """Return the placement of neurons in an atlas.

    Print the share of neurons inside; what is doubtful is a warning.
    """
    from napari_crbm.anatomy.placement import (
        Placement,
        centred,
        doubts,
        fraction_inside,
        likely_unit,
        read_affine,
        score_placements,
    )
    from napari_crbm.errors import RecordingError

    if sorted(columns) != sorted("zyx"):
        raise typer.BadParameter(
            f"'{columns}' does not name each of z, y and x once.", param_hint="--columns"
        )
    known = recording.positions[recording.located]
    if not len(known):
        raise RecordingError(
            f"'{recording.name}' has no neuron positions, so no neuron can be placed in an atlas: "
            "leave out --atlas, and give regions in the recording."
        )
    start = Placement.onto(
        atlas,
        order=tuple(columns.index(axis) for axis in "zyx"),
        scale=(likely_unit(atlas, known),) * 3
        if scale_um is None
        else numbers(scale_um, "--scale-um", one=True),
        matrix=None if affine is None else read_affine(affine),
    )
    scores = None
    if affine is None:
        if centre:
            start = centred(atlas, start, known)
        scores = score_placements(atlas, known, start)
        placement: Placement = scores["placement"].iloc[0]
    else:
        placement = centred(atlas, start, known) if centre else start
    inside = fraction_inside(atlas, placement, known)
    say(f"{placement.describe()}: {100 * inside:.1f} % of the neurons lie in {atlas.name}.")
    for sentence in doubts(atlas, placement, known, scores):
        warn(sentence)
    return placement


def numbers(text: str, option: str, *, one: bool = False) -> tuple[float, float, float]:
    """Return three numbers separated by commas; with ``one``, a single one stands for three."""
    try:
        parts = [float(part) for part in text.split(",")]
        first, second, third = parts * 3 if one and len(parts) == 1 else parts
    except ValueError as error:
        expected = "one number, or three" if one else "three numbers"
        raise typer.BadParameter(
            f"'{text}' is not {expected} separated by commas.", param_hint=option
        ) from error
    return first, second, third
