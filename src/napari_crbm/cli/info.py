"""``napari-crbm info``: summarise the content of a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    AsJson,
    out,
    print_json,
    print_pairs,
    refuse_without,
    require_writable,
    say,
)
from napari_crbm.cli.summaries import OTHER_FILES, of_recording


@reading.with_options
def info(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Recording, model, checkpoint or project (.h5), or any other data file.",
            show_default=False,
        ),
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
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing profile.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is in a recording, model, checkpoint or project, or list the arrays of a file."""
    from napari_crbm.io import read_kind

    if (tree or save_profile is not None) and opening:
        raise typer.BadParameter(
            "has no effect with --tree or --save-profile.", param_hint=reading.given_names(opening)
        )
    refuse_without("--save-profile", save_profile is not None, force=force)
    if save_profile is not None:
        require_writable(save_profile, force, [path], endings=(".json",))
    if tree or save_profile is not None:
        _show_tree(path, save_profile, as_json)
        return
    kind = "recording with a profile" if "profile" in opening else read_kind(path)
    if kind in OTHER_FILES and opening:
        raise typer.BadParameter(
            f"is for recordings, but {path.name} holds a {kind.replace('-', ' ')}.",
            param_hint=reading.given_names(opening),
        )
    summary = OTHER_FILES[kind](path) if kind in OTHER_FILES else of_recording(path, opening)
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
        out.print(Text(finding["kind"], style=style), f" {reading.in_options(words)}")
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
            field.replace("_", " "): (_text(value) or "none")
            + (f"  (guessed from: {found.reasons[field]})" if field in found.reasons else "")
            for field, value in found.profile.as_dict().items()
            if field in found.reasons or value != usual[field]
        }
        out.print("\nguessed profile", style="italic")
        print_pairs("", guessed)
        out.print(wrong or "This can be read with the profile.")
    if save_to is not None:
        say(f"Wrote {save_profile(found.profile, save_to)}.")


def _label(key: str) -> str:
    """Return the label of a value; for a fingerprint, what it identifies."""
    known = {
        "fingerprint": "fingerprint of the recording",
        "activity_fingerprint": "fingerprint of its activity",
        "recording_fingerprint": "fingerprint of the activity trained on",
    }
    name, _, unit = key.rpartition("_")
    units = {"s": "s", "hz": "Hz", "um": "µm"}
    words = f"{name} ({units[unit]})" if name and unit in units else key
    return known.get(key, words.replace("_", " "))


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
