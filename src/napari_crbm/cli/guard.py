"""Checks that apply to every command."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import typer

from napari_crbm.cli.generated import naming_options
from napari_crbm.cli.reading import READING
from napari_crbm.declarations import declared
from napari_crbm.model import Settings
from napari_crbm.preprocessing import Steps
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.temporal.settings import TemporalSettings

# Settings that are options of a command; settings of the same name share an option.
_DECLARED = (
    *declared(SimulationSettings),
    *declared(Steps),
    *READING,
    *declared(Settings),
    *declared(TemporalSettings),
)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Refuse numbers that are not finite; name settings in errors by their options."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, value in given.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise typer.BadParameter(
                    f"must be a finite number; found {value}.",
                    param_hint=f"--{name.replace('_', '-')}",
                )
        with naming_options(_DECLARED):
            command(**given)

    signature = inspect.signature(command, eval_str=True)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return run
