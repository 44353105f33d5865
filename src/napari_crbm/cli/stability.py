"""``napari-crbm stability``: which assemblies other trainings find again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    AsJson,
    counted,
    out,
    print_json,
    require_ending,
    say,
)
from napari_crbm.cli.formats import TABLE_ENDINGS


def stability(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL MODEL...",
            help="The model to examine, then others of the same recording (other seeds).",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Table to write (.csv or .parquet): one row per assembly and other model.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of the matched pairs (.png, .pdf or .svg).")
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="Save the result in the first model's file; lists of assemblies then show it.",
        ),
    ] = False,
    shuffles: Annotated[
        int, typer.Option(min=19, help="Number of shuffles that give the chance level, per model.")
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shuffles.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Match the assemblies of several models and report how stable the training is."""
    from napari_crbm.analysis import stability as measure
    from napari_crbm.analysis.export.tables import write_table
    from napari_crbm.io import load_model, store_stability

    require_ending(output, TABLE_ENDINGS, "--output")
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    result = measure(
        [load_model(path).weights_ for path in models], n_shuffles=shuffles, random_state=seed
    )
    if output is not None:
        pairs = result.pairs.copy()
        pairs["model"] = [models[number].name for number in pairs["model"]]
        say(f"Wrote {write_table(pairs, output)}")
    if figure is not None:
        from napari_crbm.figures import save_figure, stability_figure

        save_figure(stability_figure(result), figure)
        say(f"Wrote {figure}")
    if store:
        store_stability(models[0], result.values)
        say(f"Stored in {models[0]}")
    if as_json:
        if result.warning:
            say(f"Warning: {result.warning}")
        print_json(result.table.reset_index().to_dict(orient="records"))
        return
    out.print(result.table.to_string(float_format=lambda value: f"{value:.3f}"))
    found = (result.table["fraction_found"] == 1).sum()
    say(
        f"{found} of {counted(len(result.table), 'assembly', 'assemblies')} found again in "
        f"{counted(len(models) - 1, 'other model')}, more similar than chance."
    )
    if result.warning:
        say(f"Warning: {result.warning}")
