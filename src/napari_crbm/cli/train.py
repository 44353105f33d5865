"""``napari-crbm train``: a recording in, a model out; an interruption leaves a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli.console import (
    RecordingPath,
    progress_bar,
    require_writable,
    say,
)
from napari_crbm.cli.signals import signals_stop

if TYPE_CHECKING:
    from napari_crbm.model import Control, Training


def train(
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Model to write. [default: RECORDING.model.h5]"),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="'default', 'quick' (a first look) or 'paper' (as published).")
    ] = "default",
    n_hidden: Annotated[
        str | None, typer.Option(help="Number of assemblies to look for, or 'auto'.")
    ] = None,
    l1: Annotated[
        str | None, typer.Option(help="Sparse penalty, or 'auto' to scale it to the recording.")
    ] = None,
    updates: Annotated[int | None, typer.Option(help="Number of parameter updates.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Initial learning rate.")] = None,
    chains: Annotated[int | None, typer.Option(help="Number of Markov chains.")] = None,
    gibbs_steps: Annotated[int | None, typer.Option(help="Gibbs steps between updates.")] = None,
    test_blocks: Annotated[
        int | None, typer.Option(help="Of ten blocks of time, how many are held out.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Slow down, and at last stop, when the held-out pseudo-likelihood has not risen "
            "for so many of sixty looks; the best model is kept. [default: never]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0,
    threads: Annotated[
        int | None, typer.Option(help="Threads to use. [default: all cores]")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="'cpu', 'gpu' (NVIDIA, experimental) or 'auto'. [default: cpu, or the device of "
            "the checkpoint]"
        ),
    ] = None,
    drop_unlabelled: Annotated[
        bool,
        typer.Option(
            "--drop-unlabelled", help="Leave out neurons in no region, as the paper does."
        ),
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Checkpoint of an interrupted training to continue.")
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0.0, help="Keep a checkpoint of the training this often.")
    ] = 2.0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing model.")] = False,
) -> None:
    """Train a model on a recording."""
    from napari_crbm.io import load_checkpoint, open_recording
    from napari_crbm.model import Control, Settings, Training, duration, measure_pace
    from napari_crbm.model.training.compile_ahead import compile_ahead

    output = output or recording_path.with_suffix(".model.h5")
    require_writable(output, force, [recording_path, resume])
    _require_free_checkpoint(output, recording_path, resume, force)
    recording = open_recording(recording_path, keep_unlabelled=not drop_unlabelled)
    chosen = {
        "n_hidden": _number_or_auto("--n-hidden", n_hidden, int),
        "l1": _number_or_auto("--l1", l1, float),
        "n_updates": updates,
        "learning_rate": learning_rate,
        "n_chains": chains,
        "gibbs_steps": gibbs_steps,
        "n_test_blocks": test_blocks,
        "patience": patience,
    }
    settings = Settings.named(
        recipe,
        random_state=seed,
        n_threads=threads,
        device=device or "cpu",
        **{name: value for name, value in chosen.items() if value is not None},
    )
    if resume is None:
        compile_ahead()
        pace = measure_pace(recording.spikes, settings)
        say(f"About {duration(pace.total(settings.n_updates))} on this machine.")
    control = Control()
    training = Training(
        recording.spikes,
        settings if resume is None or device is not None else None,
        control=control,
        resume=None if resume is None else load_checkpoint(resume),
    )
    run(training, control, recording, output, 60 * checkpoint_minutes, replace=force)


def run(
    training: Training,
    control: Control,
    recording: Any,
    output: Path,
    checkpoint_s: float = 120.0,
    *,
    replace: bool = True,
) -> None:
    """Drive a training with a progress bar; write the model.

    A checkpoint is written beside it every ``checkpoint_s`` seconds, on Ctrl-C and on
    SIGTERM; it is deleted when the model is written. Without ``replace``, a model that
    another training has written meanwhile stays, and this one gets another name.
    """
    from napari_crbm.io import save_model
    from napari_crbm.io.models.autosave import (
        Autosave,
        checkpoint_beside,
        free_name,
        write_or_rescue,
    )

    warned: set[str] = set()
    autosave = Autosave(checkpoint_beside(output), checkpoint_s)

    def warn(message: str | None) -> None:
        if message and message not in warned:
            warned.add(message)
            say(f"[yellow]Warning:[/] {message}")

    with signals_stop(control), progress_bar("Training", "updates") as advance:
        for progress in training:
            note = "compiling and preparing" if progress.phase == "preparing" else ""
            if progress.n_found is not None:
                note = f"preparing, {progress.n_found} assemblies found so far"
            score = progress.statistics.get("test_pseudo_likelihood")
            if score is not None:
                note = f"held-out PL {score:.5f}"
            advance(progress.update, progress.n_updates, note)
            warn(progress.message)
            if progress.phase == "training":
                autosave.offer(training.checkpoint)
                warn(autosave.problem)
    if control.stopped and not training.update:
        say("Stopped before the first update: there is nothing to keep.")
        raise typer.Exit(130)
    if control.stopped:
        _leave_checkpoint(training, autosave.path)
        raise typer.Exit(130)
    model = training.model()
    written, problem = write_or_rescue(
        lambda path: save_model(model, path, recording), output if replace else free_name(output)
    )
    if problem is not None:
        say(f"[yellow]Warning:[/] {problem} The model was written to {written} instead.")
        raise typer.Exit(1)
    if written != output:
        say(f"[yellow]Warning:[/] {output} was written by another program meanwhile.")
    autosave.discard()
    say(
        f"Wrote {written}: {model.n_assemblies} assemblies of {model.n_neurons:,} neurons, "
        f"{training.elapsed_s:.0f} s, l1 {float(training.settings.l1):.3g}."
    )


def _leave_checkpoint(training: Training, path: Path) -> None:
    from napari_crbm.io import save_checkpoint
    from napari_crbm.io.models.autosave import write_or_rescue

    state = training.checkpoint()
    written, problem = write_or_rescue(lambda target: save_checkpoint(state, target), path)
    if problem is not None:
        say(f"[yellow]Warning:[/] {problem} The checkpoint was written to {written} instead.")
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

    # Not after hours of training.
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


def _number_or_auto(option: str, text: str | None, kind: type) -> Any:
    if text is None or text == "auto":
        return text
    try:
        return kind(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is neither a number nor 'auto'.", param_hint=option
        ) from None
