"""``napari-crbm label``: name, star, tag, note and colour assemblies; name groups of neurons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from napari_crbm.cli.console import AsJson, ModelPath, counted, out, print_json, say
from napari_crbm.cli.neuron_lists import listed_neurons


def label(
    model_path: ModelPath,
    assembly: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Assembly to label; repeatable.", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name, such as 'left tectum'.", show_default=False)
    ] = None,
    star: Annotated[
        bool | None, typer.Option("--star/--no-star", help="Star it, or not.", show_default=False)
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Tag to add; repeatable.", show_default=False),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Note.", show_default=False)] = None,
    colour: Annotated[
        str | None, typer.Option(help="Colour, such as '#e69f00'.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the present label first.")] = False,
    table: Annotated[
        Path | None,
        typer.Option(
            help="Table (.csv, .tsv) with a column assembly and any of name, starred, tags, note, "
            "colour: it replaces the labels of the assemblies it lists.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Name of a group of neurons to store.", show_default=False),
    ] = None,
    neurons: Annotated[
        Path | None,
        typer.Option(help="Text file with the neurons of --group, one a line.", show_default=False),
    ] = None,
    remove_group: Annotated[
        str | None, typer.Option(help="Name of a group to remove.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name, star, tag, note and colour assemblies of a model; without options, list the labels.

    The labels are saved in the model file. Tables of assemblies and the viewer show them.
    """
    from napari_crbm.io import load_model, store_labels
    from napari_crbm.io.reading.label_tables import read_labels
    from napari_crbm.labels import Label, NeuronGroup, tags_from

    given = {"name": name, "starred": star, "note": note, "colour": colour}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if (changes or tag or clear) and not assembly:
        raise typer.BadParameter("say which assembly to label.", param_hint="--assembly")
    if assembly and not (changes or tag or clear):
        raise typer.BadParameter("give --name, --star, --tag, --note, --colour or --clear.")
    if (group is None) != (neurons is None):
        raise typer.BadParameter("--group and --neurons belong together.")
    before = labels = load_model(model_path).labels_
    if table is not None:
        for number, each in read_labels(table).items():
            labels = labels.with_assembly(number, each)
    for number in assembly or []:
        now = Label() if clear else labels.of(number)
        tags = (*now.tags, *(part for text in tag or [] for part in tags_from(text)))
        labels = labels.with_assembly(number, replace(now, tags=tags, **changes))
    if group is not None and neurons is not None:
        labels = labels.with_group(NeuronGroup(np.array(listed_neurons(neurons)), Label(group)))
    if remove_group is not None:
        if remove_group not in labels.groups:
            known = ", ".join(labels.groups) or "none"
            raise typer.BadParameter(
                f"there is no group '{remove_group}'; groups: {known}.", param_hint="--remove-group"
            )
        labels = labels.without_group(remove_group)
    if labels is not before:
        store_labels(model_path, labels)
    if as_json:
        print_json(labels.as_dict())
        return
    if labels is not before:
        say(f"Wrote {model_path}")
    for number, each in labels.assemblies.items():
        parts = [each.name or "no name", *(f"[{word}]" for word in each.tags), each.colour]
        text = " ".join(part for part in parts if part)
        star_or_none = "★" if each.starred else " "
        noted = f" - {each.note}" if each.note else ""
        _print(f"{star_or_none} {number}: {text}{noted}")
    for each_group in labels.groups.values():
        _print(f"  group {each_group.name}: {counted(len(each_group.neurons), 'neuron')}")
    if not labels:
        say("No labels yet.")


def _print(text: str) -> None:
    """Print a line with whatever a person has typed, as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
