"""Simulated recordings with planted assemblies, to test how well they are recovered."""

from napari_crbm.simulation.simulate import Simulation, simulate, simulate_to_file
from napari_crbm.simulation.truth import GroundTruth, load_truth, save_truth
from napari_crbm.simulation.without_assemblies import simulate_without_assemblies

__all__ = [
    "GroundTruth",
    "Simulation",
    "load_truth",
    "save_truth",
    "simulate",
    "simulate_to_file",
    "simulate_without_assemblies",
]
