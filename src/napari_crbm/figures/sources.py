"""Compute what the panels of a composed figure need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError
from napari_crbm.figures.panels import Source

if TYPE_CHECKING:
    from napari_crbm.analysis import Responses
    from napari_crbm.connectome import RegionMap
    from napari_crbm.figures.compose import Composition
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

Report = Callable[[int, int], None]


def source_for(
    composition: Composition,
    model: CRBM,
    recording: Recording,
    activity: NDArray[np.floating] | None = None,
    *,
    responses: Responses | None = None,
    report: Report | None = None,
) -> Source:
    """Compute the evaluation and the map of regions if a panel needs them.

    Parameters
    ----------
    composition : Composition
    model, recording
        A model and the recording it was trained on.
    activity : (T, M), optional
        ``model.transform(recording.spikes)``, if it is known already.
    responses : Responses, optional
        Result of `napari_crbm.analysis.event_responses`, for averages around events.
    report : callable, optional
        Called with steps done and steps in all.

    Raises
    ------
    CRBMError
        If a panel needs events or regions, and there are none.
    """
    from napari_crbm.analysis import evaluate_held_out

    needs = composition.needs
    if "responses" in needs and responses is None:
        raise CRBMError("A panel 'triggered' needs events: name a table of onsets.")
    if "region_map" in needs and recording.regions is None:
        raise CRBMError(
            f"'{recording.name}' has no regions, which the panel 'matrix' needs: leave it out, or "
            "assign regions first."
        )
    if activity is None:
        activity = model.transform(recording.spikes)
    evaluation = None
    if "evaluation" in needs:
        evaluation = evaluate_held_out(model, recording, report=report)
    found = _region_map(model, recording, report) if "region_map" in needs else None
    return Source(model, recording, activity, evaluation, found, responses)


def _region_map(model: CRBM, recording: Recording, report: Report | None) -> RegionMap:
    from napari_crbm import connectome

    assert recording.regions is not None
    response = connectome.hidden_response(model, recording.spikes)
    factors = connectome.coupling_factors(model.weights_, response)
    return connectome.region_map(factors, recording.regions, report=report)
