"""``napari-crbm train``: train a model; an interruption writes a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    MODEL_ENDINGS,
    AsJson,
    RecordingPath,
    counted,
    print_json,
    progress_bar,
    require_writable,
    say,
    warn,
)
from napari_crbm.cli.generated import with_declared
from napari_crbm.cli.signals import signals_stop
from napari_crbm.declarations import Declared, declared
from napari_crbm.model.training.settings import RECIPES, Settings

if TYPE_CHECKING:
    from napari_crbm.model import CRBM, Control, Training


def in_recipes(each: Declared) -> str:
    """Return the default of a setting, and its value in recipes that differ."""
    usual = RECIPES["default"]
    first = each.text_of(getattr(usual, each.name))
    others = [
        f"{name} {each.text_of(getattr(recipe, each.name))}"
        for name, recipe in RECIPES.items()
        if getattr(recipe, each.name) != getattr(usual, each.name)
    ]
    return ", ".join([first, *others])


@with_declared(
    "chosen",
    declared(Settings),
    panel="Training settings",
    rare_panel="Rarely used training settings",
    defaults=in_recipes,
)
@reading.with_options
def train(
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Model to write (.h5).", show_default="RECORDING.model.h5"
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Values of all settings that are not given: 'default', 'quick' (a first look) or "
            "'paper' (as published).",
            show_default="default",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint of an interrupted training to continue. It keeps its settings; only "
            "--device and --threads may differ."
        ),
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0.0, help="Time between checkpoints, in minutes.")
    ] = 2.0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing model.")] = False,
    as_json: AsJson = False,
    *,
    chosen: dict[str, Any],
    opening: dict[str, Any],
) -> None:
    """Train a model on a recording."""
    from napari_crbm.analysis import recording_health
    from napari_crbm.io import load_checkpoint, open_recording
    from napari_crbm.model import Control, Training, duration, measure_pace
    from napari_crbm.model.training.compile_ahead import compile_ahead

    output = output or recording_path.with_suffix(".model.h5")
    require_writable(output, force, [recording_path, resume], endings=MODEL_ENDINGS)
    _require_free_checkpoint(output, recording_path, resume, force)
    settings = Settings.named(recipe or "default", **chosen)
    recording = open_recording(recording_path, **opening)
    for finding in recording_health(recording, traces=False).problems:
        warn(finding.sentences())
    state = None
    if resume is None:
        compile_ahead()
        pace = measure_pace(recording.spikes, settings)
        expected = duration(pace.total(settings.n_updates))
        say(f"The training will take about {expected} on this machine.")
    else:
        state = load_checkpoint(resume)
        state["settings"] = _resumed(state["settings"], recipe, chosen)
    control = Control()
    training = Training(
        recording.spikes,
        settings if state is None else None,
        control=control,
        resume=state,
        segments=recording.segments,
        coordinates=recording.coordinates,
    )
    model, written = run(
        training, control, recording, output, 60 * checkpoint_minutes, replace=force
    )
    if as_json:
        print_json(
            {
                "model": str(written),
                "recording": str(recording_path),
                "assemblies": model.n_assemblies,
                "neurons": model.n_neurons,
                "updates": training.update,
                "training_time_s": training.elapsed_s,
                "recording_fingerprint": model.recording_fingerprint_,
                "settings": training.settings.as_dict(),
            }
        )


def _resumed(stored: dict[str, Any], recipe: str | None, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a resumed training; refuse values that differ from the original."""
    began = Settings.restored(stored).as_dict()
    free: dict[str, Any] = {
        name: chosen[name] for name in ("device", "n_threads") if name in chosen
    }
    usual = RECIPES["default"].as_dict()
    asked = {
        name: value
        for name, value in RECIPES[recipe or "default"].as_dict().items()
        if value != usual[name]
    } | chosen
    for each in declared(Settings):
        wanted = asked.get(each.name, "auto")
        if each.name not in free and wanted != "auto" and wanted != began[each.name]:
            raise typer.BadParameter(
                f"the interrupted training has {each.option} {each.text_of(began[each.name])}, "
                f"not {each.text_of(wanted)}, and keeps it: leave the option out, or start a new "
                "training without --resume.",
                param_hint=each.option if each.name in chosen else "--recipe",
            )
    return {**stored, **free}


def run(
    training: Training,
    control: Control,
    recording: Any,
    output: Path,
    checkpoint_s: float = 120.0,
    *,
    replace: bool = True,
) -> tuple[CRBM, Path]:
    """Run a training with a progress bar; write the model, and return it with its file.

    A checkpoint is written beside it every ``checkpoint_s`` seconds, on Ctrl-C and on
    SIGTERM; it is deleted when the model is written. Without ``replace``, a model that
    another training has written meanwhile stays, and this one gets another name.
    """
    from napari_crbm.analysis import assembly_evidence
    from napari_crbm.io import save_model
    from napari_crbm.io.models.autosave import (
        Autosave,
        checkpoint_beside,
        free_name,
        write_or_rescue,
    )

    warned: set[str] = set()
    autosave = Autosave(checkpoint_beside(output), checkpoint_s)

    def warn_once(message: str | None) -> None:
        if message and message not in warned:
            warned.add(message)
            warn(message)

    with signals_stop(control), progress_bar("Training", "updates") as advance:
        for progress in training:
            note = "compiling and preparing" if progress.phase == "preparing" else ""
            if progress.n_found is not None:
                note = f"preparing, {progress.n_found} assemblies found so far"
            score = progress.statistics.get("test_pseudo_likelihood")
            if score is not None:
                note = f"held-out PL {score:.5f}"
            advance(progress.update, progress.n_updates, note)
            for message in progress.messages:
                warn_once(message)
            if progress.phase == "training":
                autosave.offer(training.checkpoint)
                warn_once(autosave.problem)
    if control.stopped and not training.update:
        say("Stopped before the first update: there is nothing to keep.")
        raise typer.Exit(130)
    if control.stopped:
        _leave_checkpoint(training, autosave.path)
        raise typer.Exit(130)
    model = training.model().find_members(recording)
    written, problem = write_or_rescue(
        lambda path: save_model(model, path, recording), output if replace else free_name(output)
    )
    if problem is not None:
        warn(f"{problem} The model was written to {written} instead.")
        raise typer.Exit(1)
    if written != output:
        warn(f"{output} was written by another program meanwhile.")
    autosave.discard()
    say(
        f"Wrote {written}: {counted(model.n_assemblies, 'hidden unit')}, "
        f"{counted(model.n_neurons, 'neuron')}, {training.elapsed_s:.0f} s, "
        f"l1 {float(training.settings.l1):.3g}."
    )
    say(str(assembly_evidence(model, recording)))
    return model, written


def _leave_checkpoint(training: Training, path: Path) -> None:
    from napari_crbm.io import save_checkpoint
    from napari_crbm.io.models.autosave import write_or_rescue

    state = training.checkpoint()
    written, problem = write_or_rescue(lambda target: save_checkpoint(state, target), path)
    if problem is not None:
        warn(f"{problem} The checkpoint was written to {written} instead.")
    say(
        f"Stopped after {training.update:,} of {training.settings.n_updates:,} updates. "
        f"Continue with: napari-crbm train RECORDING --resume {written}"
    )


def _require_free_checkpoint(
    output: Path, recording: Path, resume: Path | None, force: bool
) -> None:
    """Refuse to overwrite the checkpoint of another training, or the recording."""
    from napari_crbm.errors import CRBMError
    from napari_crbm.io.models.autosave import checkpoint_beside
    from napari_crbm.io.reading import hdf5
    from napari_crbm.io.safety.replacing import same_file

    # Refuse now, not after hours of training.
    hdf5.refuse_other_kind(output, "model")
    checkpoint = checkpoint_beside(output)
    if same_file(checkpoint, recording):
        raise CRBMError(
            f"The checkpoint of this training would overwrite the recording {recording}: choose "
            "another name with --output."
        )
    continued = resume is not None and same_file(checkpoint, resume)
    if checkpoint.exists() and not (force or continued):
        raise CRBMError(
            f"{checkpoint} holds an unfinished training: continue it with --resume {checkpoint}, "
            "choose another name with --output, or add --force to start again."
        )
