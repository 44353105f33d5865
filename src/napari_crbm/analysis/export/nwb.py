"""Write a recording and its assemblies to one NWB file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.enrichment import region_enrichment
from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.analysis.assemblies.table import assembly_table
from napari_crbm.io import save_nwb
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording


def export_nwb(
    recording: Recording,
    path: Path | str,
    model: CRBM | None = None,
    activity: NDArray[np.floating] | None = None,
    *,
    session_start: datetime | None = None,
) -> Path:
    """Write a recording, with a model's assemblies as `assembly_table` describes them.

    Parameters
    ----------
    recording : Recording
    path : path
    model : CRBM, optional
        Trained on the recording.
    activity : (T, M), optional
        ``model.transform(recording.spikes)``, if it is known already.
    session_start : datetime, optional
        See `napari_crbm.io.save_nwb`, which also describes the layout of the file.
    """
    if model is None:
        return save_nwb(recording, path, session_start=session_start)
    if activity is None:
        activity = model.transform(recording.spikes)
    enrichment = region_enrichment(model, recording)
    table = assembly_table(model, recording, activity, enrichment=enrichment)
    members = members_of(model)
    return save_nwb(
        recording,
        path,
        model=model,
        activity=activity,
        members=[members.of(unit) for unit in range(model.n_assemblies)],
        columns={str(name): table[name].to_numpy() for name in table.columns},
        session_start=session_start,
    )
