"""``napari-crbm reproducibility``: which assemblies both halves of a recording show."""

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
    refuse_without,
    require_ending,
    say,
)
from napari_crbm.cli.formats import TABLE_ENDINGS
from napari_crbm.cli.generated import with_declared
from napari_crbm.cli.signals import signals_stop
from napari_crbm.cli.train import in_recipes
from napari_crbm.declarations import declared
from napari_crbm.errors import TrainingStopped
from napari_crbm.model.training.settings import Settings

# Not offered: each half is the held-out data of the other.
_OWN = ("n_test_blocks", "test_choice")


@with_declared(
    "chosen",
    [each for each in declared(Settings) if each.name not in _OWN],
    panel="Training settings",
    rare_panel="Rarely used training settings",
    defaults=in_recipes,
)
@reading.with_options
def reproducibility(
    recording_path: RecordingPath,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Model of this recording (.h5) whose assemblies to search for in both halves.",
            show_default="the assemblies of the first half are searched for in the second",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Table to write (.csv or .parquet): one row per assembly."
        ),
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="Save the result in the file of --model; lists of assemblies then show it.",
        ),
    ] = False,
    recipe: Annotated[
        str,
        typer.Option(
            help="Values of all settings that are not given: 'default', 'quick' or 'paper'. "
            "--n-hidden is then that of --model, if it is given."
        ),
    ] = "quick",
    shuffles: Annotated[
        int, typer.Option(min=19, help="Number of shuffles that give the chance level.")
    ] = 39,
    as_json: AsJson = False,
    *,
    chosen: dict[str, Any],
    opening: dict[str, Any],
) -> None:
    """Train on two disjoint halves of a recording and report which assemblies both find."""
    from napari_crbm.analysis import reproducibility as measure
    from napari_crbm.analysis.export.tables import write_table
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io import open_recording, store_halves
    from napari_crbm.model import Control, duration, measure_pace
    from napari_crbm.model.training.compile_ahead import compile_ahead

    require_ending(output, TABLE_ENDINGS, "--output")
    refuse_without("--model", model is not None, store=store)
    if model is None:
        trained, recording = None, open_recording(recording_path, **opening)
    else:
        trained, recording = open_pair(model, recording_path, opening)
        chosen.setdefault("n_hidden", trained.n_assemblies)
    settings = Settings.named(recipe, **chosen)
    compile_ahead()
    pace = measure_pace(recording.spikes, settings)
    expected = duration(2 * pace.total(settings.n_updates))
    say(f"The trainings will take about {expected} on this machine.")
    control = Control()
    with signals_stop(control), progress_bar("Two halves", "updates") as advance:
        try:
            found = measure(
                recording,
                settings,
                model=trained,
                n_shuffles=shuffles,
                random_state=settings.random_state,
                control=control,
                report=lambda done, total: advance(done, total),
            )
        except TrainingStopped as stop:
            say(str(stop))
            raise typer.Exit(130) from None
    if output is not None:
        say(f"Wrote {write_table(found.table.reset_index(), output)}")
    if store and model is not None:
        say(f"Stored in {store_halves(model, found.arrays)}")
    if as_json:
        print_json(
            {
                "found": found.n_found,
                "compared": found.n_compared,
                "frames": found.n_frames,
                "gap_frames": found.gap_frames,
                "verdict": str(found),
                "assemblies": found.table.reset_index().to_dict(orient="records"),
            }
        )
        return
    table = found.table.sort_values(["found", "similarity"], ascending=False, kind="stable")
    shown = table.assign(found=table["found"].map({True: "yes", False: ""}))
    out.print(shown.to_string(float_format=lambda value: f"{value:.3f}", na_rep="-"))
    say(str(found))
