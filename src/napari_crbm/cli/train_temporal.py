"""``napari-crbm train-temporal``: how assemblies depend on the past of all assemblies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    MODEL_ENDINGS,
    AsJson,
    ModelPath,
    RecordingPath,
    counted,
    print_json,
    progress_bar,
    require_writable,
    say,
)
from napari_crbm.cli.generated import with_declared
from napari_crbm.cli.signals import signals_stop
from napari_crbm.declarations import declared
from napari_crbm.temporal.settings import TemporalSettings


@with_declared(
    "chosen",
    declared(TemporalSettings),
    panel="Settings of the temporal model",
    rare_panel="Rarely used settings of the temporal model",
)
@reading.with_options
def train_temporal(
    recording_path: RecordingPath,
    model_path: ModelPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Temporal model to write (.h5).",
            show_default="RECORDING.temporal.h5",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint of an interrupted training to continue. It keeps its settings; only "
            "--threads may differ."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite an existing temporal model.")
    ] = False,
    as_json: AsJson = False,
    *,
    chosen: dict[str, Any],
    opening: dict[str, Any],
) -> None:
    """Train a temporal model: a trained model whose assemblies depend on their past.

    Ctrl-C writes a checkpoint to continue from.
    """
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io import load_checkpoint, save_temporal
    from napari_crbm.io.models.autosave import write_or_rescue
    from napari_crbm.io.models.temporal_file import CHECKPOINT_KIND, KIND
    from napari_crbm.io.reading import hdf5
    from napari_crbm.model import Control
    from napari_crbm.temporal import TemporalTraining

    output = output or recording_path.with_suffix(".temporal.h5")
    require_writable(output, force, [recording_path, model_path, resume], endings=MODEL_ENDINGS)
    hdf5.refuse_other_kind(output, KIND)
    others = sorted(name for name in chosen if name != "n_threads")
    if resume is not None and others:
        known = {each.name: each.option for each in declared(TemporalSettings)}
        raise typer.BadParameter(
            "the interrupted training keeps its settings: leave this option out, or start a new "
            "training without --resume.",
            param_hint=known[others[0]],
        )
    settings = TemporalSettings(**chosen)
    model, recording = open_pair(model_path, recording_path, opening)
    state = None if resume is None else load_checkpoint(resume, CHECKPOINT_KIND)
    control = Control()
    training = TemporalTraining(model, recording, settings, control=control, resume=state)
    with signals_stop(control), progress_bar("Training", "passes") as advance:
        for progress in training:
            alone = progress.n_couplings == 0
            note = "own past alone" if alone else f"{progress.n_couplings} couplings"
            advance(progress.done, progress.total, note)
    if control.stopped:
        _leave_checkpoint(training, output)
        raise typer.Exit(130)
    temporal = training.model()
    written, problem = write_or_rescue(lambda path: save_temporal(temporal, path), output)
    if problem is not None:
        say(f"{problem} The model was written to {written} instead.")
    n_couplings = temporal.n_couplings
    if as_json:
        print_json(
            {
                "model": str(written),
                "recording": str(recording_path),
                "assemblies": temporal.n_assemblies,
                "longest_lag_s": temporal.n_lags * temporal.frame_interval_s,
                "couplings": n_couplings,
                "passes": training.passes,
                "training_time_s": training.elapsed_s,
                "history": {name: values.tolist() for name, values in temporal.history.items()},
                "settings": temporal.settings.as_dict(),
            }
        )
    say(
        f"Wrote {written}: {counted(temporal.n_assemblies, 'assembly', 'assemblies')}, "
        f"{counted(n_couplings, 'coupling')} between different assemblies at lags up to "
        f"{temporal.n_lags * temporal.frame_interval_s:.3g} s, {training.elapsed_s:.0f} s. "
        f"See how well it predicts: napari-crbm forecast {written} {recording_path}"
    )
    if problem is not None:
        raise typer.Exit(1)


def _leave_checkpoint(training: Any, output: Path) -> None:
    from napari_crbm.io import save_checkpoint
    from napari_crbm.io.models.autosave import checkpoint_beside, write_or_rescue
    from napari_crbm.io.models.temporal_file import CHECKPOINT_KIND

    written, problem = write_or_rescue(
        lambda path: save_checkpoint(training.checkpoint(), path, CHECKPOINT_KIND),
        checkpoint_beside(output),
    )
    if problem is not None:
        say(f"{problem} The checkpoint was written to {written} instead.")
    say(
        f"Stopped after {training.passes:,} passes. Continue with: napari-crbm train-temporal "
        f"RECORDING MODEL --resume {written}"
    )
