"""Write Python that opens a recording again, with its options and later steps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from napari_crbm.preprocessing import PROVENANCE, Steps
from napari_crbm.recording import Recording, Step

#: Name of the step in the provenance that giving a recording other regions leaves.
ASSIGN_REGIONS = "assign regions"


class Script:
    """Lines of Python and their imports."""

    def __init__(self) -> None:
        self._imports: dict[str, set[str]] = {}
        self._lines: list[str] = []

    def need(self, module: str, *names: str) -> None:
        """Import names from a module."""
        self._imports.setdefault(module, set()).update(names)

    def add(self, *lines: str) -> None:
        """Append lines."""
        self._lines += lines

    def __str__(self) -> str:
        # The standard library first, as is usual.
        modules = sorted(self._imports, key=lambda name: (_ours(name), name))
        lines: list[str] = []
        for before, module in pairwise(("napari_crbm", *modules)):
            if _ours(module) and not _ours(before):
                lines.append("")
            lines.append(f"from {module} import {', '.join(sorted(self._imports[module]))}")
        return "\n".join([*lines, "", *self._lines, ""])


def _ours(module: str) -> bool:
    return module.startswith("napari_crbm")


def open_again(script: Script, recording: Recording, name: str = "recording") -> None:
    """Add the lines that open a recording again as the variable ``name``.

    Without a file, ``recording.h5`` stands in its place. Steps that only the person who
    took them can repeat are named in a comment.
    """
    source = recording.source
    path = Path("recording.h5") if source is None else source.path
    options = {} if source is None else source.options
    script.need("napari_crbm.io", "open_recording")
    if "profile" in options and not isinstance(options["profile"], str | Path):
        script.need("napari_crbm.io.unknown.profile", type(options["profile"]).__name__)
    script.add(f"{name} = open_recording({call(str(path), **options)})")
    if source is None:
        return
    since = recording.provenance[source.n_steps :]
    for step, following in pairwise((*since, Step(""))):
        if step.name == PROVENANCE and "session" not in step.parameters:
            script.need("napari_crbm.preprocessing", "Steps", "preprocess")
            steps = Steps.from_dict(step.parameters["steps"])
            script.add(f"{name} = preprocess({name}, {steps!r})")
        elif step.name != ASSIGN_REGIONS or "level" not in step.parameters:
            script.add(f"# Then, by hand: {step.name} {dict(step.parameters)}")
        elif following.name != ASSIGN_REGIONS:
            # Each assignment replaces the one before.
            _assign(script, name, step.parameters)


def _assign(script: Script, name: str, how: Mapping[str, Any]) -> None:
    """Add the lines that assign regions of an atlas, or the recording's own at another level."""
    if how.get("atlas") is None:
        regions = f"{name}.regions"
        if how.get("names"):
            script.need("napari_crbm.anatomy.hierarchy", "renamed")
            regions = f"renamed({regions}, {how['names']!r})"
        if how.get("level") != -1:
            script.need("napari_crbm.anatomy.hierarchy", "at_level")
            regions = f"at_level({regions}, {how.get('level')!r})"
    else:
        script.need("napari_crbm.anatomy.atlas", "open_atlas")
        script.need("napari_crbm.anatomy.placement", "Placement")
        script.add(
            f"atlas = open_atlas({call(**how['atlas'])})",
            f"placement = Placement({call(**how['placement'])})",
        )
        points = f"placement.apply({name}.coordinates)"
        regions = f"atlas.regions_of({points}, level={how['level']!r}, sides={how['sides']!r})"
    script.need("dataclasses", "replace")
    script.add(f"{name} = replace({name}, regions={regions})")


def call(*values: Any, **named: Any) -> str:
    """Format the arguments of a call as Python; None is omitted."""

    def text(value: Any) -> str:
        return repr(str(value) if isinstance(value, Path) else value)

    given = [f"{name}={text(value)}" for name, value in named.items() if value is not None]
    return ", ".join([*(text(value) for value in values), *given])
