"""Tidy tables of answers: one row for each event and neuron, assembly or region."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from napari_crbm.perturbation.course import PredictedResponse
from napari_crbm.perturbation.study import Coactivity


def tables(found: Sequence[Coactivity]) -> dict[str, pd.DataFrame]:
    """Return the tables of several answers by name.

    Parameters
    ----------
    found : sequence of Coactivity

    Returns
    -------
    dict of str to pandas.DataFrame
        ``summary``: one row for each event. ``neurons``, ``assemblies`` and ``regions``: the
        tables of `Coactivity`, below each other. ``recorded``: expected and recorded activity of
        the neurons outside the group (see `Agreement`). All but the first begin with the column
        ``event``.
    """
    named = {
        "summary": pd.DataFrame([each.summary for each in found]),
        "neurons": _below([each.neurons for each in found], found),
        "assemblies": _below([each.assemblies for each in found], found),
        "recorded": _below([_recorded(each) for each in found], found),
    }
    if any(len(each.regions) for each in found):
        named["regions"] = _below([each.regions for each in found], found)
    return named


def response_tables(found: PredictedResponse) -> dict[str, pd.DataFrame]:
    """Return the tables of a predicted response by name.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``response_assemblies``, ``response_neurons`` and, if there are regions,
        ``response_regions``: the tables of `PredictedResponse`, with the event in front.
    """
    parts = {
        "response_assemblies": found.assemblies,
        "response_neurons": found.neurons.reset_index(),
        "response_regions": found.regions,
    }
    named = {name: part.copy() for name, part in parts.items() if len(part)}
    for part in named.values():
        part.insert(0, "event", found.perturbation.words)
    return named


def _below(parts: list[pd.DataFrame], found: Sequence[Coactivity]) -> pd.DataFrame:
    events = [each.perturbation.words for each in found]
    whole = [part.reset_index() for part in parts]
    for part, event in zip(whole, events, strict=True):
        part.insert(0, "event", event)
    return pd.concat(whole, ignore_index=True)


def _recorded(found: Coactivity) -> pd.DataFrame:
    seen = found.agreement
    return pd.DataFrame(
        {
            "expected": seen.expected,
            "recorded": seen.recorded,
            "change_expected": seen.change_expected,
            "change_recorded": seen.change_recorded,
        },
        index=pd.Index(seen.neurons, name="neuron"),
    )
