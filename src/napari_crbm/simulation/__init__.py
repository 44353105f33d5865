"""Simulated recordings with planted assemblies, to test how well they are recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.simulation.truth import GroundTruth, load_truth, save_truth
    from napari_crbm.simulation.with_assemblies import (
        Simulation,
        planted_dynamics,
        simulate,
        simulate_to_file,
    )
    from napari_crbm.simulation.without_assemblies import simulate_without_assemblies

_HOMES = {
    "truth": ("GroundTruth", "load_truth", "save_truth"),
    "with_assemblies": ("Simulation", "planted_dynamics", "simulate", "simulate_to_file"),
    "without_assemblies": ("simulate_without_assemblies",),
}

__all__ = [
    "GroundTruth",
    "Simulation",
    "load_truth",
    "planted_dynamics",
    "save_truth",
    "simulate",
    "simulate_to_file",
    "simulate_without_assemblies",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
