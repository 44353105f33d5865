"""Neurons that no model can describe: silent, always active, or identical to another."""

from __future__ import annotations

import numpy as np

from napari_crbm.analysis.health.finding import Finding, neurons_that, places
from napari_crbm.preprocessing.threshold import USUAL_ACTIVITY
from napari_crbm.spikes import Spikes

#: A neuron is always active from this fraction of frames on.
ALWAYS_ACTIVE = 0.9

#: Neurons with equal activity of fewer active frames may agree by chance.
FEWEST_EQUAL = 5


def neuron_findings(spikes: Spikes) -> list[Finding]:
    """Check the binarised activity of every neuron, and of all together."""
    return [*_rate(spikes), *_silent(spikes), *_always(spikes), *_equal(spikes)]


def _rate(spikes: Spikes) -> list[Finding]:
    low, high = USUAL_ACTIVITY
    if low <= spikes.rate <= high:
        return []
    found = f"Neurons are active in {100 * spikes.rate:.2g} % of frames on average"
    if spikes.rate < low:
        text = f"{found}, below the {100 * low:g} % under which assemblies can hardly be found."
        remedy = "Lower the threshold of binarisation (--binarise, preprocess --threshold), or "
        remedy += "leave out silent neurons."
    else:
        text = f"{found}, above the {100 * high:g} % that binarised spikes usually have."
        remedy = "Raise the threshold of binarisation (--binarise, preprocess --threshold)."
    return [Finding("mean activity", text, spikes.n_neurons, remedy=remedy)]


def _silent(spikes: Spikes) -> list[Finding]:
    return neurons_that(
        "is never active",
        "are never active",
        np.flatnonzero(spikes.neuron_counts == 0),
        "silent neurons",
        ("It is kept, and belongs to no assembly.", "They are kept, and belong to no assembly."),
        "note",
    )


def _always(spikes: Spikes) -> list[Finding]:
    when = f"in {100 * ALWAYS_ACTIVE:g} % of frames or more"
    return neurons_that(
        f"is active {when}",
        f"are active {when}",
        np.flatnonzero(spikes.mean_activity >= ALWAYS_ACTIVE),
        "always active neurons",
    )


def _equal(spikes: Spikes) -> list[Finding]:
    groups = equal_neurons(spikes)
    if not groups:
        return []
    where = places(sorted(neuron for group in groups for neuron in group))
    examples = "; ".join(" = ".join(f"{each:,}" for each in group[:3]) for group in groups[:3])
    return [
        Finding(
            "duplicate neurons",
            f"{len(where):,} neurons have exactly the activity of another ({examples}).",
            len(where),
            where,
            "neurons",
            "They are kept, and will look like an assembly.",
            "Of each set all but the first can be left out.",
            leave_out=places(sorted(neuron for group in groups for neuron in group[1:])),
        )
    ]


def equal_neurons(spikes: Spikes) -> list[tuple[int, ...]]:
    """Return groups of neurons with the same activity in all frames, of `FEWEST_EQUAL` or more."""
    lively = np.flatnonzero(spikes.neuron_counts >= FEWEST_EQUAL)
    bits = spikes.by_neuron
    groups: dict[bytes, list[int]] = {}
    for neuron in lively:
        groups.setdefault(bits[neuron].tobytes(), []).append(int(neuron))
    return [tuple(group) for group in groups.values() if len(group) > 1]
