"""The page of settings: of a training, of preprocessing, of a simulation, from the declarations."""

from __future__ import annotations

import re
from typing import Any

import typer.main

from napari_crbm.cli.app import app
from napari_crbm.declarations import COMMON, Setting, declared
from napari_crbm.model import Settings
from napari_crbm.model.training.settings import RECIPES
from napari_crbm.preprocessing import Steps
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.temporal import TemporalSettings

_HEAD = """# Settings

This page is made from the declarations in the code. Each setting has a name in Python, one on the
command line and one in the dock.

"""
#: Title, class, where it is given in Python, command and dock.
SOURCES = (
    ("Training", Settings, "`CRBM(...)` or `Settings(...)`", "train", "Train"),
    (
        "Temporal model",
        TemporalSettings,
        "`TemporalSettings(...)`",
        "train-temporal",
        "",
    ),
    ("Preprocessing", Steps, "`Steps(...)`", "preprocess", "Preprocess"),
    ("Simulation", SimulationSettings, "`simulate(...)`", "simulate", "Simulate"),
)


def pages() -> dict[str, str]:
    """Return the text of the page by file name."""
    text = _HEAD
    for title, source, python, command, dock in SOURCES:
        if not _is_declared(source):
            continue
        settings = list(declared(source))
        text += f"## {title}\n\nIn Python {python}, on the command line `napari-crbm {command}`"
        text += f", in the viewer the *{dock}* dock.\n\n" if dock else ".\n\n"
        options = _options(command)
        common = [each for each in settings if each.group == COMMON]
        rare = [each for each in settings if each.group != COMMON]
        for subtitle, group in (("common", common), ("rarely changed", rare)):
            if group:
                text += f"### {title}: {subtitle}\n\n" if rare else ""
                text += "".join(_entry(each, options) for each in group)
        if source is Settings:
            text += _recipes([each.name for each in settings])
    return {"settings.md": text}


def _is_declared(source: type) -> bool:
    return any(
        isinstance(part, Setting)
        for annotation in source.__annotations__.values()
        for part in getattr(annotation, "__metadata__", ())
    ) or any("Setting(" in str(annotation) for annotation in source.__annotations__.values())


def _options(command: str) -> set[str]:
    """Return the options that a command has."""
    program: Any = typer.main.get_command(app)
    return {option for param in program.commands[command].params for option in param.opts}


def _option(each: Any, options: set[str]) -> str:
    """Return the option that gives a setting; empty if the command has none."""
    shorter = each.option.replace("--n-", "--")
    found = next((name for name in (each.option, shorter) if name in options), "")
    return found and f"`{found}`"


def _entry(each: Any, options: set[str]) -> str:
    kind = {"int": "whole number", "float": "number", "str": "", "bool": "yes or no"}.get(
        each.kind.__name__, each.kind.__name__
    )
    values = " or ".join(filter(None, (kind, *(f"`{word}`" for word in each.words))))
    rows = {
        "Command line": _option(each, options),
        "In the dock": each.label,
        "Value": values,
        "Range": each.range_text,
        "Unit": each.unit,
        "Default": each.default_text,
    }
    listed = "".join(f"- {name}: {value}\n" for name, value in rows.items() if value)
    details = _line(each.setting.details)
    return f"#### `{each.name}`\n\n{_line(each.help)}\n\n{listed}\n" + (
        f"{details}\n\n" if details else ""
    )


def _recipes(names: list[str]) -> str:
    text = "### Recipes\n\n| setting | " + " | ".join(f"`{name}`" for name in RECIPES) + " |\n"
    text += "|---|" + "---|" * len(RECIPES) + "\n"
    for name in names:
        values = [getattr(recipe, name) for recipe in RECIPES.values()]
        if len({str(value) for value in values}) > 1:
            text += f"| `{name}` | " + " | ".join(f"`{value}`" for value in values) + " |\n"
    return text + "\nAll other settings are the same in all recipes.\n\n"


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
