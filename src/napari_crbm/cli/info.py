"""``napari-crbm info``: summarise the content of a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from napari_crbm.cli import reading
from napari_crbm.cli.console import AsJson, out, print_json, print_pairs, say


@reading.with_options
def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Recording or model file (.h5).", show_default=False),
    ],
    opening: dict[str, Any],
    tree: Annotated[
        bool,
        typer.Option("--tree", help="List the arrays of a file, and guess what they hold."),
    ] = False,
    save_profile: Annotated[
        Path | None,
        typer.Option(help="Write the guessed profile of the arrays (.json), to edit it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is in a recording or model file, or list the arrays of any other file."""
    from napari_crbm.io import read_kind

    if (tree or save_profile is not None) and opening:
        raise typer.BadParameter(
            "has no effect with --tree or --save-profile.", param_hint=reading.given_names(opening)
        )
    if tree or save_profile is not None:
        _show_tree(path, save_profile, as_json)
        return
    kind = "recording with a profile" if "profile" in opening else read_kind(path)
    of_models = {"model": _model_summary, "temporal-model": _temporal_summary}
    if kind in of_models and opening:
        raise typer.BadParameter(
            f"is for recordings, but {path.name} holds a model.",
            param_hint=reading.given_names(opening),
        )
    summary = of_models[kind](path) if kind in of_models else _recording_summary(path, opening)
    if as_json:
        print_json({"file": str(path), "kind": kind, **summary})
        return
    lists = {
        name: summary.pop(name)
        for name in ("provenance", "regions", "segments", "health")
        if name in summary
    }
    print_pairs(f"{path} ({kind})", {_label(key): _text(v) for key, v in summary.items()})
    if lists.get("regions"):
        counts = ", ".join(f"{name} {count:,}" for name, count in lists["regions"].items())
        out.print(Text("neurons by region", style="dim"), f" {counts}")
    if len(lists.get("segments", [])) > 1:
        for number, part in enumerate(lists["segments"], start=1):
            text = f"{part['frames']:,} frames, {part['start_s']:,.6g} to {part['end_s']:,.6g} s"
            out.print(Text(f"segment {number}", style="dim"), f" {text}")
    for finding in lists.get("health", []):
        style = "yellow" if finding["severity"] == "problem" else "dim"
        words = " ".join(part for part in (finding[k] for k in ("text", "done", "remedy")) if part)
        out.print(Text(finding["kind"], style=style), f" {words}")
    for step in lists.get("provenance", []):
        out.print(Text("provenance", style="dim"), f" {step['name']} {step['parameters'] or ''}")


def _show_tree(path: Path, save_to: Path | None, as_json: bool) -> None:
    """Print every array with its shape and type, and the guessed profile."""
    from napari_crbm.io import save_profile
    from napari_crbm.io.reading.sources import list_entries
    from napari_crbm.io.unknown.guess import guess
    from napari_crbm.io.unknown.profile_fit import problem

    entries = list_entries(path)
    found = guess(path, entries)
    wrong = problem(found.profile, entries)
    if as_json:
        arrays = [
            {"name": entry.name, "shape": list(entry.shape), "type": entry.dtype}
            for entry in entries
        ]
        print_json(
            {
                "file": str(path),
                "arrays": arrays,
                "profile": found.profile.as_dict(),
                "told_from": dict(found.reasons),
                "problem": wrong,
            }
        )
    else:
        shapes = {
            entry.name: f"{' x '.join(f'{n:,}' for n in entry.shape) or 'one value'}  {entry.dtype}"
            for entry in entries
        }
        out.print(str(path), style="italic")
        print_pairs("", shapes)
        usual = type(found.profile)(positions=(), activity="").as_dict()
        guessed = {
            field.replace("_", " "): _text(value)
            + (f"  (guessed from: {found.reasons[field]})" if field in found.reasons else "")
            for field, value in found.profile.as_dict().items()
            if field in found.reasons or value != usual[field]
        }
        out.print("\nguessed profile", style="italic")
        print_pairs("", guessed)
        out.print(wrong or "This can be read with the profile.")
    if save_to is not None:
        say(f"Wrote {save_profile(found.profile, save_to)}.")


def _recording_summary(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from napari_crbm.analysis import recording_health
    from napari_crbm.io import open_recording

    recording = open_recording(path, **options)
    extent = (
        np.ptp(recording.positions[recording.located], axis=0)
        if recording.located.any()
        else np.full(3, np.nan)
    )
    interval = recording.frame_interval_s
    return {
        "name": recording.name,
        "neurons": recording.n_neurons,
        "frames": recording.n_frames,
        "duration_s": recording.duration_s,
        # Times are decimal fractions, whose differences carry rounding errors.
        "frame_rate_hz": float(f"{1 / interval:.9g}") if interval else None,
        "segments": [
            {
                "frames": stop - start,
                "start_s": float(recording.times[start]),
                "end_s": float(recording.times[stop - 1]),
            }
            for start, stop in recording.segments
        ],
        "mean_activity": recording.spikes.rate,
        "silent_neurons": int((recording.spikes.neuron_counts == 0).sum()),
        "extent_x_um": float(extent[2]),
        "extent_y_um": float(extent[1]),
        "extent_z_um": float(extent[0]),
        "neurons_without_position": int((~recording.located).sum()),
        "health": recording_health(recording).as_dict(),
        "fluorescence": recording.fluorescence is not None,
        "traces": list(recording.traces),
        "regions": {}
        if recording.regions is None
        else dict(zip(recording.regions.names, recording.regions.counts.tolist(), strict=True)),
        "provenance": [
            {"name": step.name, "parameters": dict(step.parameters)}
            for step in recording.provenance
        ],
        "fingerprint": recording.fingerprint,
        "activity_fingerprint": recording.spikes.fingerprint,
    }


def _model_summary(path: Path) -> dict[str, Any]:
    import numpy as np

    from napari_crbm.io import load_model

    model = load_model(path)
    history = model.history_
    return {
        "neurons": model.n_neurons,
        "assemblies": model.n_assemblies,
        "zero_weights": float(np.mean(model.weights_ == 0)),
        "updates": int(history["update"][-1]) if "update" in history else None,
        "training_time_s": float(history["elapsed_s"][-1]) if "elapsed_s" in history else None,
        "settings": None if model.settings_ is None else model.settings_.as_dict(),
        "recording_fingerprint": model.recording_fingerprint_,
        "versions": model.versions_,
    }


def _temporal_summary(path: Path) -> dict[str, Any]:
    from napari_crbm.io import load_temporal

    model = load_temporal(path)
    return {
        "neurons": model.n_neurons,
        "assemblies": model.n_assemblies,
        "couplings": model.n_couplings,
        "longest_lag_s": model.n_lags * model.frame_interval_s,
        "settings": model.settings.as_dict(),
        "recording_fingerprint": model.recording_fingerprint,
        "versions": dict(model.versions),
    }


def _label(key: str) -> str:
    """Return the label of a value; for a fingerprint, what it identifies."""
    known = {
        "fingerprint": "fingerprint of the recording",
        "activity_fingerprint": "fingerprint of its activity",
        "recording_fingerprint": "fingerprint of the activity trained on",
    }
    return known.get(key, key.replace("_", " "))


def _text(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float) and math.isnan(value):
        return "not known"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
