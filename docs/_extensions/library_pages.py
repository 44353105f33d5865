"""One page a package of the library: every public name, from its docstring.

A name that several packages export is described once, in the first of them.
"""

from __future__ import annotations

import importlib
import inspect
import types
import typing

PACKAGES = (
    "napari_crbm",
    "napari_crbm.model",
    "napari_crbm.preprocessing",
    "napari_crbm.io",
    "napari_crbm.anatomy",
    "napari_crbm.simulation",
    "napari_crbm.analysis",
    "napari_crbm.connectome",
    "napari_crbm.perturbation",
    "napari_crbm.figures",
    "napari_crbm.errors",
)


def pages() -> dict[str, str]:
    """Return the text of every page by file name."""
    described: dict[int, str] = {}
    out = {}
    for package in PACKAGES:
        out[f"{package}.rst"] = _page(package, described)
    listed = "\n".join(PACKAGES)
    rows = "\n".join(
        f"| [`{package}`]({package}.rst) | {_summary(importlib.import_module(package))} |"
        for package in PACKAGES
    )
    out["library.md"] = (
        "# Library\n\nEvery public name, from its docstring.\n\n| package | what it holds |\n"
        f"|---|---|\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    )
    return out


def _public(module: types.ModuleType) -> list[str]:
    names = getattr(module, "__all__", None)
    if names is None:
        own = [
            n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__
        ]
        names = [name for name in own if not name.startswith("_")]
    return list(names)


def _page(package: str, described: dict[int, str]) -> str:
    module = importlib.import_module(package)
    text = f"{package}\n{'=' * len(package)}\n\n.. automodule:: {package}\n   :no-members:\n\n"
    classes, functions, others, elsewhere = [], [], [], []
    for name in _public(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            continue
        plain = isinstance(value, (str, int, float, tuple, frozenset))
        if not plain and id(value) in described:
            elsewhere.append((name, described[id(value)]))
            continue
        if not plain:
            described[id(value)] = f"{package}.{name}"
        if inspect.isclass(value):
            classes.append(name)
        elif callable(value) and not isinstance(value, typing._GenericAlias):
            functions.append(name)
        else:
            others.append(name)
    for title, names, directive in (
        ("Functions", functions, "autofunction"),
        ("Classes", classes, "autoclass"),
    ):
        if names:
            text += f"{title}\n{'-' * len(title)}\n\n"
            text += "".join(_entry(package, name, directive) for name in names)
    if others:
        text += "Constants\n---------\n\n"
        text += "".join(f"* ``{name} = {_shown(getattr(module, name))}``\n" for name in others)
        text += "\n"
    if elsewhere:
        text += "Described elsewhere\n-------------------\n\n"
        text += "".join(f"* ``{name}``: :py:obj:`{place}`\n" for name, place in elsewhere)
    return text


def _entry(package: str, name: str, directive: str) -> str:
    members = "   :members:\n" if directive == "autoclass" else ""
    return f".. {directive}:: {package}.{name}\n{members}\n"


def _shown(value: object) -> str:
    """Return a constant's value, of a dictionary its keys."""
    return repr(list(value)) if isinstance(value, dict) else repr(value)


def _summary(module: types.ModuleType) -> str:
    return (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
