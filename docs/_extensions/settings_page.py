"""The page of training settings and preprocessing steps, from their declarations."""

from __future__ import annotations

import re
from typing import Any

from napari_crbm.declarations import COMMON, declared
from napari_crbm.model import Settings
from napari_crbm.model.training.settings import RECIPES

_HEAD = """# Settings of a training

This page is made from the declarations in the code. Each setting has one name in Python
(`CRBM(...)`, `Settings(...)`), one on the command line (`napari-crbm train`) and one in the *Train*
dock.

"""


def pages() -> dict[str, str]:
    """Return the text of the page by file name."""
    settings = list(declared(Settings))
    text = _HEAD
    for title, wanted in (("Common", True), ("Rarely changed", False)):
        text += f"## {title}\n\n"
        text += "".join(_entry(each) for each in settings if (each.group == COMMON) == wanted)
    return {"settings.md": text + _recipes([each.name for each in settings])}


def _entry(each: Any) -> str:
    values = each.kind.__name__.replace("int", "whole number").replace("float", "number")
    values = {"str": "", "bool": "yes or no"}.get(each.kind.__name__, values)
    words = " or ".join(f"`{word}`" for word in each.words)
    values = " or ".join(filter(None, (values, words)))
    rows = {
        "Command line": f"`{each.option}`",
        "In the dock": each.label,
        "Value": values,
        "Range": each.range_text,
        "Unit": each.unit,
        "Default": each.default_text,
    }
    listed = "".join(f"- {name}: {value}\n" for name, value in rows.items() if value)
    details = _code(each.setting.details)
    return f"### `{each.name}`\n\n{_code(each.help)}\n\n{listed}\n{details}\n\n"


def _recipes(names: list[str]) -> str:
    text = "## Recipes\n\n| setting | " + " | ".join(f"`{name}`" for name in RECIPES) + " |\n"
    text += "|---|" + "---|" * len(RECIPES) + "\n"
    for name in names:
        values = [getattr(recipe, name) for recipe in RECIPES.values()]
        if len({str(value) for value in values}) > 1:
            text += f"| `{name}` | " + " | ".join(f"`{value}`" for value in values) + " |\n"
    return text + "\nAll other settings are the same in all recipes.\n"


def _code(text: str) -> str:
    """Return text whose single back-ticks, around names of the code, are literals in MyST too."""
    return re.sub(r"\s+", " ", text).strip()
