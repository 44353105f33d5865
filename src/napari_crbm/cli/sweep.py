"""``napari-crbm sweep``: select number of assemblies and penalty by cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    AsJson,
    RecordingPath,
    out,
    print_json,
    progress_bar,
    say,
)
from napari_crbm.cli.generated import list_parser, with_declared
from napari_crbm.cli.signals import signals_stop
from napari_crbm.cli.train import in_recipes
from napari_crbm.declarations import declaration, declared
from napari_crbm.model.training.settings import Settings

# Settings that a sweep varies or decides itself.
_OWN = ("n_hidden", "l1", "learning_rate", "random_state", "n_threads")
_LISTS = {name: list_parser(declaration(Settings, name)) for name in _OWN[:4]}


@with_declared(
    "changed",
    [each for each in declared(Settings) if each.name not in _OWN],
    panel="Training settings",
    rare_panel="Rarely used training settings",
    defaults=in_recipes,
)
@reading.with_options
def sweep(
    recording_path: RecordingPath,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for models and results. Give the same folder again to continue a sweep.",
        ),
    ],
    n_hidden: Annotated[
        Any,
        typer.Option(
            parser=_LISTS["n_hidden"],
            metavar="<list>",
            help="Numbers of assemblies (hidden units) to try, such as 10,20,40, or 'auto'.",
        ),
    ] = "auto",
    l1: Annotated[
        Any,
        typer.Option(
            parser=_LISTS["l1"],
            metavar="<list>",
            help="Penalties to try, such as 0.005,0.01,0.02, or 'auto'.",
        ),
    ] = "auto",
    learning_rate: Annotated[
        Any,
        typer.Option(
            parser=_LISTS["learning_rate"],
            metavar="<list>",
            help="Initial learning rates to try, such as 0.001,0.003.",
            show_default="as the recipe",
        ),
    ] = None,
    seeds: Annotated[
        Any,
        typer.Option(
            parser=_LISTS["random_state"],
            metavar="<list>",
            help="Seeds of every configuration, such as 0,1,2.",
        ),
    ] = "0",
    folds: Annotated[
        int,
        typer.Option(
            min=2,
            max=10,
            help="Folds of cross-validation. With more than two, trainings share frames.",
        ),
    ] = 3,
    random: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Try this many random configurations between the smallest and largest values "
            "given, instead of all combinations.",
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="Values of all other settings: 'default', 'quick' or 'paper'.")
    ] = "default",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings at the same time.", show_default="one per core"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of every training.", show_default="cores shared equally"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler; the folder must be shared."),
    ] = None,
    as_json: AsJson = False,
    *,
    changed: dict[str, Any],
    opening: dict[str, Any],
) -> None:
    """Train over ranges of settings, judge on held-out time, and select a model.

    Writes results.csv (one row per training; also .parquet with the extra 'parquet'),
    selection.csv (one row per configuration), selection.png and selected.model.h5, the
    selected configuration trained as 'train' would. Ctrl-C leaves checkpoints; the same
    command continues from them.
    """
    from napari_crbm.analysis import Sweep, conclude_sweep, run_sweep
    from napari_crbm.figures import save_figure, sweep_figure
    from napari_crbm.io import open_recording
    from napari_crbm.model import Control

    settings = Settings.named(recipe, **changed)
    plan = Sweep(
        n_hidden=n_hidden,
        l1=l1,
        learning_rate=learning_rate or (settings.learning_rate,),
        seeds=seeds,
        n_folds=folds,
        n_random=random,
        settings=settings,
    )
    recording = open_recording(recording_path, **opening)
    control = Control()
    with signals_stop(control), progress_bar("Sweep", "trainings") as advance:
        for progress in run_sweep(
            recording,
            plan,
            output,
            n_workers=workers,
            n_threads=threads,
            scheduler=scheduler,
            control=control,
        ):
            advance(progress.done, progress.total)
        selection = None
        if not control.stopped:
            advance(progress.done, progress.total, "training the selected model")
            selection = conclude_sweep(
                recording, plan, progress.table, output, n_threads=threads, control=control
            )
    if control.stopped or selection is None:
        say(
            f"Stopped after {progress.done} of {progress.total} trainings. Run the same command "
            "again to continue."
        )
        raise typer.Exit(130)
    save_figure(sweep_figure(selection), output / "selection.png")
    if as_json:
        print_json(selection.table.to_dict(orient="records"))
    else:
        out.print(
            selection.table.to_string(index=False, float_format=lambda value: f"{value:.5g}"),
        )
    say(selection.rule)
    say(
        f"{selection.verdict} Wrote {output / 'selected.model.h5'}, results.csv, selection.csv and "
        "selection.png."
    )
