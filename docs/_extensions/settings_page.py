"""The page of training settings, from the fields of `Settings`."""

from __future__ import annotations

import dataclasses

from napari_crbm.model import Settings
from napari_crbm.model.training.settings import RECIPES


def pages() -> dict[str, str]:
    """Return the text of the page by file name."""
    names = [field.name for field in dataclasses.fields(Settings)]
    rows = [
        "| "
        + " | ".join([f"`{name}`", *(f"`{getattr(r, name)}`" for r in RECIPES.values())])
        + " |"
        for name in names
    ]
    head = "| setting | " + " | ".join(f"`{name}`" for name in RECIPES) + " |\n"
    rule = "|---|" + "---|" * len(RECIPES) + "\n"
    return {"settings.md": "# Training settings\n\n" + head + rule + "\n".join(rows) + "\n"}
