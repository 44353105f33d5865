"""Public names of a package that are imported when they are first used.

Importing the package, or the command line, then costs little.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to sequence of str
        Module, relative to the package unless it starts with ``napari_crbm.``, and the names
        to take from it. An empty sequence stands for the module itself.
    """
    modules, own = {}, {}
    for home, names in homes.items():
        module = home if home.startswith("napari_crbm.") else f"{package}.{home}"
        modules.update(dict.fromkeys(names, module))
        if not names:
            own[home.rpartition(".")[2]] = module

    def load(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(modules[name]), name)
        if name in own:
            return importlib.import_module(own[name])
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    def listed() -> list[str]:
        return sorted([*modules, *own])

    return load, listed
