"""``napari-crbm compare``: compare a model with PCA, ICA, NMF and k-means."""

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
    progress_bar,
    require_choice,
    require_ending,
    say,
)
from napari_crbm.cli.formats import TABLE_ENDINGS


@reading.with_options
def compare(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write (.csv or .parquet).")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure to write (.png, .pdf or .svg).")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Methods to compare, separated by commas: 'cRBM', 'cRBM by weight', 'PCA', "
            "'PCA varimax', 'PCA promax', 'ICA', 'NMF', 'k-means'.",
            show_default="all",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed. The same seed gives the same table.")] = 0,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
) -> None:
    """Compare a model with PCA, ICA, NMF and k-means: assemblies found, reconstruction."""
    from napari_crbm.analysis import BETTER, METHODS, compare_methods
    from napari_crbm.analysis.export.tables import write_table
    from napari_crbm.cli.pairing import open_pair, truth_of

    require_ending(output, TABLE_ENDINGS, "--output")
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    known = {name.lower(): name for name in METHODS}
    given = [] if methods is None else [m.strip() for m in methods.split(",")]
    wanted = tuple(known.get(m.lower(), m) for m in given) or METHODS
    for method in wanted:
        require_choice(method, METHODS, "--methods")
    model, recording = open_pair(model_path, recording_path, opening)
    truth = truth_of(recording_path)
    planted = None if truth is None else truth.membership
    with progress_bar("Comparing", "methods") as advance:
        table = compare_methods(
            model,
            recording.spikes,
            planted=planted,
            methods=wanted,
            random_state=seed,
            report=lambda done, total: advance(done, total, ""),
        )
    if output is not None:
        say(f"Wrote {write_table(table, output, index=True)}")
    if figure is not None:
        from napari_crbm.figures import methods_figure, save_figure

        save_figure(methods_figure(table), figure)
        say(f"Wrote {figure}")
    if as_json:
        print_json(table.reset_index().to_dict(orient="records"))
        return
    notes = table["note"]
    shown = table.drop(columns="note")
    out.print(
        shown.to_string(float_format=lambda value: f"{value:.3g}", na_rep="-"), highlight=False
    )
    for direction, columns in BETTER.items():
        listed = [column for column in columns if column in shown]
        say(f"{', '.join(listed).capitalize()}: {direction} is better.")
    for method, note in notes[notes != ""].items():
        say(f"{method}: {note}")
    if planted is None:
        say("The recording has no planted assemblies, so recovery is not known.")
