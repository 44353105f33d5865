"""``napari-crbm demo``: simulate, train, evaluate and view with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.console import out, say


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the recording, model and figures.")
    ] = Path("crbm-demo"),
    neurons: Annotated[int, typer.Option(min=300, help="Neurons to simulate.")] = 2000,
    frames: Annotated[int, typer.Option(min=300, help="Frames to simulate.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of simulation and training.")] = 0,
    no_view: Annotated[
        bool, typer.Option("--no-view", help="Draw to files even if there is a display.")
    ] = False,
) -> None:
    """Simulate a recording, train on it, check what was found, and show it."""
    from napari_crbm.analysis import fraction_recovered, model_recovery
    from napari_crbm.cli.evaluate import on_held_out
    from napari_crbm.cli.figure import draw
    from napari_crbm.cli.simulate import simulate
    from napari_crbm.cli.train import run
    from napari_crbm.cli.view import display_available, show
    from napari_crbm.io import load_model, open_recording
    from napari_crbm.io.safety.replacing import make_folder
    from napari_crbm.model import Control, Settings, Training
    from napari_crbm.simulation import load_truth

    make_folder(output)
    recording_path, model_path = output / "recording.h5", output / "model.h5"
    simulate(
        path=recording_path,
        n_neurons=neurons,
        n_frames=frames,
        n_assemblies=max(neurons // 100, 3),
        seed=seed,
        force=True,
    )
    recording = open_recording(recording_path)
    control = Control()
    settings = Settings.named("default", random_state=seed, n_updates=2500)
    training = Training(
        recording.spikes, settings, control=control, coordinates=recording.coordinates
    )
    run(training, control, recording, model_path)
    model = load_model(model_path)
    truth = load_truth(recording_path)
    assert truth is not None  # simulate wrote it
    found = model_recovery(model, recording, truth.membership)
    evaluation = on_held_out(model, recording, n_samples=6000, seed=seed)
    out.print(
        f"{100 * fraction_recovered(found):.0f} % of {truth.n_assemblies} planted assemblies "
        "recovered (AUROC > 0.95 when neurons are ranked by "
        "their association with the assembly).\n"
        f"Held-out frames (nRMSE: 0 as well as the training frames, 1 as chance): "
        f"mean activity {evaluation.score('mean_v')}, "
        f"pairwise covariance {evaluation.score('cov_vv')}.",
        soft_wrap=True,
    )
    if no_view or not display_available():
        draw(model, recording, output / "figures", evaluation=evaluation, recovery=found)
    else:
        say("Opening the viewer; close its window to finish.")
        show(recording, model)
