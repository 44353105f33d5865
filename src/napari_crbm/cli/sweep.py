"""``napari-crbm sweep``: how many assemblies, how sparse, on evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli.console import (
    AsJson,
    RecordingPath,
    out,
    print_json,
    progress_bar,
    say,
)
from napari_crbm.cli.signals import signals_stop


def sweep(
    recording_path: RecordingPath,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for models and results; give it again to go on."
        ),
    ],
    n_hidden: Annotated[
        str, typer.Option(help="Numbers of hidden units to try, e.g. 10,20,40, or 'auto'.")
    ] = "auto",
    l1: Annotated[
        str, typer.Option(help="Penalties to try, e.g. 0.005,0.01,0.02, or 'auto'.")
    ] = "auto",
    learning_rate: Annotated[
        str | None, typer.Option(help="Learning rates to try. [default: the recipe's]")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of every configuration.")] = "0",
    folds: Annotated[int, typer.Option(min=2, max=10, help="Folds of cross-validation.")] = 3,
    random: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Try so many random configurations between the smallest and largest values "
            "given, instead of all combinations.",
        ),
    ] = None,
    recipe: Annotated[str, typer.Option(help="'default', 'quick' or 'paper'.")] = "default",
    updates: Annotated[int | None, typer.Option(min=1, help="Updates of every training.")] = None,
    test_blocks: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=9,
            help="Of ten blocks of time, how many the final model holds out; 0: trained on all. "
            "[default: as the recipe]",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings at once. [default: one a core]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of each. [default: cores shared out]")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler; the folder must be shared."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train over ranges of settings, judge on held-out time, and select a model.

    Writes results.csv (a row a training; also .parquet where pyarrow is installed),
    selection.csv (a row a configuration), selection.png and selected.model.h5, the
    selected configuration trained anew as 'train' would. Ctrl-C leaves checkpoints; the
    same line goes on from them.
    """
    from napari_crbm.analysis import Sweep, conclude_sweep, run_sweep
    from napari_crbm.figures import save_figure, sweep_figure
    from napari_crbm.io import open_recording
    from napari_crbm.model import Control, Settings

    changed = {"n_updates": updates, "n_test_blocks": test_blocks}
    settings = Settings.named(
        recipe, **{name: value for name, value in changed.items() if value is not None}
    )
    plan = Sweep(
        n_hidden=_values("--n-hidden", n_hidden, int),
        l1=_values("--l1", l1, float),
        learning_rate=(settings.learning_rate,)
        if learning_rate is None
        else _values("--learning-rate", learning_rate, float, auto=False),
        seeds=_values("--seeds", seeds, int, auto=False),
        n_folds=folds,
        n_random=random,
        settings=settings,
    )
    recording = open_recording(recording_path)
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
            f"Stopped after {progress.done} of {progress.total} trainings. Run the same line again "
            "to go on."
        )
        raise typer.Exit(130)
    save_figure(sweep_figure(selection), output / "selection.png")
    if as_json:
        print_json(selection.table.to_dict(orient="records"))
    else:
        out.print(
            selection.table.to_string(index=False, float_format=lambda value: f"{value:.5g}"),
            highlight=False,
        )
    say(selection.rule)
    say(
        f"{selection.verdict} Wrote {output / 'selected.model.h5'}, results.csv, selection.csv and "
        "selection.png."
    )


def _values(
    option: str, text: str, kind: Callable[[str], Any], *, auto: bool = True
) -> tuple[Any, ...]:
    try:
        parts = [part.strip() for part in text.split(",")]
        return tuple(part if auto and part == "auto" else kind(part) for part in parts)
    except ValueError:
        wanted = "numbers or 'auto'" if auto else "numbers"
        raise typer.BadParameter(
            f"'{text}' is not a list of {wanted} separated by commas.", param_hint=option
        ) from None
