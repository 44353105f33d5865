"""The question of the *What if* dock: what is perturbed, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.perturbation import Perturbation, drive, of_assembly, silence

if TYPE_CHECKING:
    from napari_crbm.viewer.state.workspace import Workspace

#: What can be perturbed, with its name in the list.
TARGETS = {
    "assembly": "assembly",
    "region": "region",
    "group": "neurons chosen with the lasso",
    "neuron": "clicked neuron",
}
#: What can be done, with its name in the list; the last two need an assembly.
ACTIONS = {
    "drive": "Drive to a level",
    "silence": "Silence",
    "on": "Hold on",
    "off": "Hold off",
}
HELD = ("on", "off")


def question(
    workspace: Workspace,
    target: str,
    action: str,
    *,
    assembly: int = 0,
    region: str = "",
    level: int | None = None,
) -> Perturbation:
    """Return the perturbation that a person has put together.

    Parameters
    ----------
    workspace : Workspace
        With a recording and a model.
    target, action : str
        Keys of `TARGETS` and `ACTIONS`.
    assembly : int
    region : str
        Name of the region.
    level : int, optional
        Active neurons of a driven group; from the recording by default.

    Raises
    ------
    ModelError
        If nothing of this kind is chosen.
    """
    recording, trained = workspace.recording, workspace.trained
    if recording is None or trained is None:
        raise ModelError("Open a recording and a model first.")
    if target == "assembly":
        kind = "hold" if action in HELD else action
        return of_assembly(trained.model, assembly, kind, action, level)  # type: ignore[arg-type]
    if action in HELD:
        raise ModelError("Only an assembly can be held: silence or drive neurons.")
    neurons: NDArray[np.int64]
    if target == "region":
        if recording.regions is None:
            raise ModelError("The recording has no regions: assign them in the Anatomy dock.")
        neurons, name = recording.regions.members(region), region
    elif target == "group":
        neurons, name = workspace.neurons, "the chosen group"
        if not len(neurons):
            raise ModelError("No neurons are chosen: draw a lasso around some (Neurons dock).")
    else:
        if workspace.neuron is None:
            raise ModelError("No neuron is chosen: click one on the canvas.")
        neurons, name = np.array([workspace.neuron]), f"neuron {workspace.neuron}"
    return silence(neurons, name) if action == "silence" else drive(neurons, level, name)
