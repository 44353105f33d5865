"""``napari-crbm simulate``: a recording with known assemblies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.console import (
    RECORDING_ENDINGS,
    progress_bar,
    require_choice,
    require_writable,
    say,
)


def simulate(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="Recording to write (.h5).", show_default=False)
    ],
    neurons: Annotated[int, typer.Option(min=1, help="Number of neurons.")] = 3000,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames.")] = 4000,
    assemblies: Annotated[int, typer.Option(min=1, help="Number of planted assemblies.")] = 30,
    generator: Annotated[
        str,
        typer.Option(
            help="'noisy-or' (latent on/off processes) or 'crbm' (samples of a true cRBM)."
        ),
    ] = "noisy-or",
    mean_activity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Mean fraction of neurons active in a frame.")
    ] = 0.035,
    frame_rate_hz: Annotated[float, typer.Option(min=1e-6, help="Frame rate in Hz.")] = 4.0,
    without_assemblies: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Simulate neurons that form no assemblies but have one disturbance of real "
            "recordings: 'independent' (none), 'autocorrelated', 'gain', 'drift', 'crosstalk' or "
            "'motion'. Whatever assemblies a method finds are false.",
        ),
    ] = None,
    fluorescence: Annotated[
        bool, typer.Option("--fluorescence", help="Also write GCaMP-like fluorescence.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same recording.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Simulate a larval zebrafish brain with planted assemblies."""
    from napari_crbm.simulation import simulate_to_file

    require_choice(generator, ("noisy-or", "crbm"), "--generator")
    require_writable(path, force, endings=RECORDING_ENDINGS)
    if without_assemblies is not None:
        if fluorescence:
            raise typer.BadParameter(
                "recordings without assemblies hold spikes only.", param_hint="--fluorescence"
            )
        _without_assemblies(
            path, without_assemblies, neurons, frames, mean_activity, frame_rate_hz, seed
        )
        return
    with progress_bar("Simulating", "frames") as advance:
        simulate_to_file(
            path,
            n_neurons=neurons,
            n_frames=frames,
            n_assemblies=assemblies,
            generator=generator,
            mean_activity=mean_activity,
            frame_rate_hz=frame_rate_hz,
            fluorescence=fluorescence,
            seed=seed,
            progress=advance,
        )
    say(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")


def _without_assemblies(
    path: Path,
    kind: str,
    neurons: int,
    frames: int,
    mean_activity: float,
    frame_rate_hz: float,
    seed: int,
) -> None:
    from napari_crbm.io import save_recording
    from napari_crbm.simulation import simulate_without_assemblies
    from napari_crbm.simulation.without_assemblies import KINDS

    require_choice(kind, tuple(KINDS), "--without-assemblies")
    recording = simulate_without_assemblies(
        kind, neurons, frames, mean_activity, frame_rate_hz, seed
    )
    save_recording(recording, path)
    say(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB): {recording.name}.")
