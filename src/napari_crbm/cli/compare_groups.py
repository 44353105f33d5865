"""``napari-crbm compare-groups``: activity, regions and assemblies of two groups of neurons."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import AsJson, RecordingPath, print_json, say
from napari_crbm.cli.members import with_members
from napari_crbm.cli.neuron_lists import listed_neurons

if TYPE_CHECKING:
    from napari_crbm.labels import Labels

_GROUP = "name of a group in the model, or a text file with one neuron number a line"


@with_members
@reading.with_options
def compare_groups(
    recording_path: RecordingPath,
    first: Annotated[str, typer.Argument(metavar="A", help=f"Group A: {_GROUP}.")],
    second: Annotated[str, typer.Argument(metavar="B", help=f"Group B: {_GROUP}.")],
    model_path: Annotated[
        Path | None,
        typer.Option("--model", help="Model (.h5) whose assemblies to compare, too."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the tables regions and assemblies."),
    ] = None,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Compare two groups of neurons: activity, shares of regions and of assemblies."""
    from napari_crbm.analysis import compare_groups as compared
    from napari_crbm.analysis.export.tables import write_tables
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io import open_recording
    from napari_crbm.labels import Labels

    model = None
    if model_path is None:
        recording = open_recording(recording_path, **opening)
    else:
        model, recording = open_pair(model_path, recording_path, opening, definition)
    labels = Labels() if model is None else model.labels_
    found = compared(recording, _neurons(first, labels), _neurons(second, labels), model)
    tables = {"regions": found.regions, "assemblies": found.assemblies}
    if output is not None:
        for path in write_tables(tables, output):
            say(f"Wrote {path}")
    if as_json:
        listed = {name: table.to_dict(orient="records") for name, table in tables.items()}
        print_json({**asdict(found), **listed})
    else:
        say(str(found))


def _neurons(text: str, labels: Labels) -> Any:
    """Return the neurons of a named group, or those that a file lists."""
    if text in labels.groups:
        return labels.groups[text].neurons
    if not Path(text).is_file() and not Path(text).suffix:
        known = ", ".join(f"'{name}'" for name in labels.groups) or "none"
        raise typer.BadParameter(f"there is no group '{text}'; groups in the model: {known}.")
    return listed_neurons(Path(text))
