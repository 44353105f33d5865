"""``napari-crbm states``: combinations of assemblies, their durations and locations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    AsJson,
    ModelPath,
    RecordingPath,
    out,
    print_json,
    require_ending,
    say,
)
from napari_crbm.cli.formats import Parquet, TableFormat, table_format
from napari_crbm.cli.members import with_members

_SHOWN = 10


@with_members
@reading.with_options
def states(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables states, locality, combinations, coactivation and active.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the results to this .pdf, .svg or .png.")
    ] = None,
    file_format: TableFormat = None,
    parquet: Parquet = False,
    gaussians: Annotated[
        bool,
        typer.Option(
            "--gaussians",
            help="Tell on from off by two Gaussians, as the published analysis does.",
        ),
    ] = False,
    shuffles: Annotated[
        int,
        typer.Option(
            min=19, help="Random draws of neurons that an assembly's density is tested against."
        ),
    ] = 99,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Report how many assemblies are active at a time, in which combinations, for how long."""
    from napari_crbm.analysis import assembly_evidence, brain_states, export_states
    from napari_crbm.cli.pairing import open_pair

    file_format = table_format(file_format, output, parquet)
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    model, recording = open_pair(model_path, recording_path, opening, definition)
    found = brain_states(
        model,
        recording,
        evidence=assembly_evidence(model, recording),
        definition="gaussians" if gaussians else "means",
        n_shuffles=shuffles,
    )
    if output is not None:
        paths = export_states(found, output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if figure is not None:
        from napari_crbm.figures import save_figure, states_page

        say(f"Wrote {save_figure(states_page(found, recording), figure)}.")
    if as_json:
        print_json(
            {
                "median_active": found.composition.median,
                "phase": found.composition.phase,
                "assemblies": found.table.reset_index().to_dict(orient="records"),
                "locality": found.locality.table.reset_index().to_dict(orient="records"),
                "combinations": found.combinations.head(100).to_dict(orient="records"),
            }
        )
        return
    for sentence in (found.composition.verdict, found.summary, found.locality.verdict):
        out.print(sentence, soft_wrap=True)
    out.print("The most frequent combinations:")
    columns = ["assemblies", "n_frames", "fraction", "n_episodes"]
    text = found.combinations.head(_SHOWN)[columns].to_string(
        index=False, float_format=lambda value: f"{value:.3f}"
    )
    out.print(text)
