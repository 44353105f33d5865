"""``napari-crbm simulate``: a recording with known assemblies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli.console import (
    RECORDING_ENDINGS,
    progress_bar,
    require_choice,
    require_writable,
    say,
)
from napari_crbm.cli.generated import with_declared
from napari_crbm.declarations import declared
from napari_crbm.simulation.settings import SimulationSettings

# Settings that also apply to recordings without assemblies.
_OF_ALL = ("n_neurons", "n_frames", "mean_activity", "frame_rate_hz", "seed")


@with_declared(
    "chosen",
    declared(SimulationSettings),
    panel="Simulation settings",
    rare_panel="Rarely used simulation settings",
)
def simulate(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="Recording to write (.h5).", show_default=False)
    ],
    without_assemblies: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Simulate neurons that form no assemblies but have one disturbance of real "
            "recordings: 'independent' (none), 'autocorrelated', 'gain', 'drift', 'crosstalk' or "
            "'motion'. Whatever assemblies a method finds are false.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    *,
    chosen: dict[str, Any],
) -> None:
    """Simulate a larval zebrafish brain with planted assemblies."""
    from napari_crbm.simulation import simulate_to_file

    require_writable(path, force, endings=RECORDING_ENDINGS)
    settings = SimulationSettings(**chosen)
    if without_assemblies is not None:
        _refuse_planting(chosen)
        _without_assemblies(path, without_assemblies, settings)
        return
    with progress_bar("Simulating", "frames") as advance:
        simulate_to_file(path, **settings.as_dict(), progress=advance)
    say(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")


def _refuse_planting(chosen: dict[str, Any]) -> None:
    """Refuse options that apply only to recordings with assemblies."""
    for each in declared(SimulationSettings):
        if each.name in chosen and each.name not in _OF_ALL:
            raise typer.BadParameter(
                "is for recordings with assemblies; leave it out with --without-assemblies.",
                param_hint=each.option,
            )


def _without_assemblies(path: Path, kind: str, settings: SimulationSettings) -> None:
    from napari_crbm.io import save_recording
    from napari_crbm.simulation import simulate_without_assemblies
    from napari_crbm.simulation.without_assemblies import KINDS

    require_choice(kind, tuple(KINDS), "--without-assemblies")
    values = settings.as_dict()
    recording = simulate_without_assemblies(kind, **{name: values[name] for name in _OF_ALL})
    save_recording(recording, path)
    say(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB): {recording.name}.")
