"""``napari-crbm assemblies``: the members of every assembly, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import AsJson, ModelPath, RecordingPath, out, print_json, say
from napari_crbm.cli.formats import TableFormat, table_format
from napari_crbm.cli.members import with_members


@with_members
@reading.with_options
def assemblies(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for tables: assemblies, members, weights, activity.",
        ),
    ] = None,
    file_format: TableFormat = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Smallest |weight| of a member, instead of '--members'.",
            show_default="none",
        ),
    ] = None,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """List the assemblies of a model, or export them as tables."""
    from napari_crbm.analysis import (
        assembly_evidence,
        assembly_table,
        export_tables,
        members_of,
        region_enrichment,
        region_in_words,
    )
    from napari_crbm.cli.pairing import open_pair

    file_format = table_format(file_format, output)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    largest = float(abs(model.weights_).max())
    if threshold is not None and threshold >= largest:
        raise typer.BadParameter(
            f"no weight exceeds {threshold:g}: the largest is {largest:.3g}.",
            param_hint="--threshold",
        )
    if threshold is not None:
        model.find_members(recording, "weight", threshold=threshold)
    activity = model.transform(recording.spikes)
    evidence = assembly_evidence(model, recording)
    if output is not None:
        for path in export_tables(
            model,
            recording,
            output,
            activity,
            file_format=file_format,
            evidence=evidence.table,
        ):
            say(f"Wrote {path}")
        if not as_json:
            return
    table = assembly_table(
        model,
        recording,
        activity,
        evidence=evidence.table,
        enrichment=region_enrichment(model, recording),
    )
    if as_json:
        print_json(table.reset_index().to_dict(orient="records"))
    else:
        shown = ["size", "mean_activity", "region", "enriched_region", "laterality", "q", "certain"]
        # In words, as in the Assemblies dock and in sheets; files have columns for the numbers.
        places = zip(table["region"], table["region_fraction"], strict=True)
        table["region"] = [region_in_words(region, fraction) for region, fraction in places]
        # Certain ones first, then those that were tested, then units of a single member.
        table["tested"] = table["q"].notna()
        table = table.sort_values(["certain", "tested", "size"], ascending=False)
        some = table["size"] > 0
        table = table[some]
        if "stability" in table:
            shown.append("stability")
        if "both_halves" in table:
            shown.append("both_halves")
        text = table[shown].to_string(float_format=lambda value: f"{value:.3f}")
        out.print(text, soft_wrap=True)
        if not some.all():
            none = int((~some).sum())
            say(f"{none} hidden unit{' has' if none == 1 else 's have'} no members: left out here.")
        say(f"Members are {members_of(model).words}.")
        say(str(evidence))
