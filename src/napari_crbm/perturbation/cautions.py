"""Sentences that must stand beside a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.perturbation.recorded import FREE_ENERGY_SHARE, Recorded, active_counts

if TYPE_CHECKING:
    from napari_crbm.perturbation.perturbations import Perturbation

#: What every result is, and what it is not.
MEANING = (
    "Expected co-activity: what the model expects to see together with this event. It describes "
    "activity that occurs together and says nothing about causes."
)
#: An event seen in fewer recorded frames is rare.
FEW_FRAMES = 10
#: Share of the expected states that may lie outside the range of free energies.
MOST_UNUSUAL = 0.5
#: Correlation with their start above which chains remember it.
MOST_MEMORY = 0.2


def cautions(
    asked: Perturbation,
    recorded: Recorded,
    share: float,
    unusual_share: float,
    worth: float,
    enough: float,
    memory: NDArray[np.float64],
) -> tuple[str, ...]:
    """Say what speaks against believing a result.

    Parameters
    ----------
    asked : Perturbation
    recorded : Recorded
    share : float
        Share of the recorded frames in which the event occurs.
    unusual_share : float
        Share of the expected states with a free energy outside the range of the recording.
    worth, enough : float
        Independent states that the result is worth, and how many suffice.
    memory : (M,) float64
        How much the chains remember of their start; see `Pool`.
    """
    found = []
    n_frames = round(share * recorded.spikes.n_frames)
    if n_frames == 0:
        found.append(f"Outside what was recorded: {never_recorded(asked, recorded)}.")
    elif n_frames < FEW_FRAMES:
        found.append(
            f"Rarely recorded: the event occurs in {n_frames} of the "
            f"{recorded.spikes.n_frames:,} recorded frames."
        )
    if unusual_share > MOST_UNUSUAL:
        found.append(
            f"Outside what was recorded: {100 * unusual_share:.0f} % of the expected states have "
            f"a free energy outside the range of {100 * FREE_ENERGY_SHARE:.0f} % of the "
            "recorded frames."
        )
    if len(asked.neurons) == 1 and asked.kind == "drive":
        found.append(
            "One neuron: that it is active tells the model that its assemblies are on. This is no "
            "prediction of what the stimulation of one neuron does."
        )
    if worth < enough:
        found.append(
            f"Uncertain: the states drawn are worth {worth:.0f} independent ones; {enough:.0f} "
            "are needed."
        )
    slow = int((memory > MOST_MEMORY).sum())
    if slow:
        found.append(
            f"Slow chains: in {slow} of {len(memory)} assemblies the chains still remember the "
            f"recorded frames that they started from (correlation up to {memory.max():.2f}). How "
            "often these assemblies are on follows the recording rather than the model."
        )
    return tuple(found)


def never_recorded(asked: Perturbation, recorded: Recorded) -> str:
    """Say that no recorded frame shows an event, and how close the recording comes."""
    if asked.kind == "hold":
        return f"the activity of {asked.name} never goes as far in the recording"
    counts = active_counts(recorded.spikes, asked.neurons)
    n = len(asked.neurons)
    if asked.kind == "silence":
        return f"no frame shows all {n:,} neurons silent (at least {counts.min():,} are active)"
    return (
        f"no frame shows {asked.level or 1:,} of these {n:,} neurons active (at most "
        f"{counts.max():,} are)"
    )
