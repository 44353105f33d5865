"""Analyse the combinations of assemblies of a model, and write them as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.locality import Locality, locality
from napari_crbm.analysis.evidence.assessment import Evidence
from napari_crbm.analysis.evidence.counted import counted_assemblies
from napari_crbm.analysis.export.tables import write_tables
from napari_crbm.analysis.states.combinations import (
    Composition,
    coactivation,
    combinations,
    composition,
    on_threshold,
    state_table,
)
from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


@dataclass(frozen=True, eq=False)
class BrainStates:
    """Combinations of the assemblies of a model, frame by frame.

    Parameters
    ----------
    times : (T,) float64
        Times of the frames, in seconds.
    on : (T, M) bool
        Whether an assembly is on; False of those that do not count.
    counted : (K,) int64
        Numbers of the assemblies that count, see `napari_crbm.analysis.counted_assemblies`.
    composition : Composition
        Of these.
    table : pandas.DataFrame
        See `state_table`; one row for each of these.
    combinations : pandas.DataFrame
        See `napari_crbm.analysis.combinations`; only assemblies with two clear states.
    coactivation : (M, M) float64
        See `napari_crbm.analysis.coactivation`; NaN for those that do not count.
    locality : Locality
        One row for each assembly that counts.
    """

    times: NDArray[np.float64]
    on: NDArray[np.bool_]
    counted: NDArray[np.int64]
    composition: Composition
    table: pd.DataFrame
    combinations: pd.DataFrame
    coactivation: NDArray[np.float64]
    locality: Locality

    @property
    def clearly_on(self) -> NDArray[np.bool_]:
        """`on` without assemblies that do not have two clear states, (T, M).

        An assembly that is never clearly on or off would split each combination in two.
        """
        return _clearly(self.on, self.table)

    @property
    def summary(self) -> str:
        """Summary of on and off states and of combinations."""
        sets, table = self.combinations, self.table
        once = int((sets["n_episodes"] == 1).sum())
        return (
            f"{int(table['bimodal'].sum())} of {len(table)} assemblies have two clear states; "
            f"they stay on for {table['on_s'].median():.1f} s and off for "
            f"{table['off_s'].median():.1f} s (medians). {len(sets):,} different combinations, "
            f"{once:,} of them seen only once; the ten most frequent make up "
            f"{100 * sets['fraction'].head(10).sum():.0f} % of the recording."
        )


def brain_states(
    model: CRBM,
    recording: Recording,
    activity: NDArray[np.floating] | None = None,
    *,
    evidence: Evidence | None = None,
    definition: str = "means",
    n_shuffles: int = 99,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> BrainStates:
    """Analyse the combinations of assemblies over a whole recording.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given.
    evidence : Evidence, optional
        See `napari_crbm.analysis.assembly_evidence`; only certain assemblies count then. Without
        it, units with two members or more count.
    definition : {"means", "gaussians"}
        Rule for on and off, see `napari_crbm.analysis.on_threshold`.
    n_shuffles : int
        Random sets of neurons with which the positions of each assembly are compared.
    random_state : int
    report : callable, optional
        Called with (steps done, all steps); may raise to cancel.

    Raises
    ------
    ModelError
        If model and recording do not belong together, or fewer than two assemblies count.
    """
    if activity is None:
        activity = model.transform(recording.spikes)
    counted = np.flatnonzero(counted_assemblies(model, evidence))
    if len(counted) < 2:
        tested = evidence is not None and not evidence.reason
        what = "certain assembly" if tested else "unit with several members"
        raise ModelError(
            f"{len(counted) or 'No'} {what} in this model: combinations need two. "
            "See the Assemblies dock or 'napari-crbm assemblies' for the evidence."
        )
    some = activity[:, counted]
    on = np.zeros(activity.shape, dtype=bool)
    on[:, counted] = some > on_threshold(some, definition)
    table = state_table(some, recording.frame_interval_s, definition, recording.segments)
    table.index = pd.Index(counted, name="assembly")
    return BrainStates(
        times=recording.times,
        on=on,
        counted=counted,
        composition=composition(some, random_state, definition),
        table=table,
        combinations=combinations(_clearly(on, table), recording.times, recording.segments),
        coactivation=coactivation(on),
        locality=locality(
            model,
            recording,
            assemblies=counted,
            n_shuffles=n_shuffles,
            random_state=random_state,
            report=report,
        ),
    )


def _clearly(on: NDArray[np.bool_], table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return ``on`` (T, M) of the assemblies that a table calls bimodal, False of all others."""
    clear = np.zeros(on.shape[1], dtype=bool)
    clear[table.index[table["bimodal"]]] = True
    return np.asarray(on & clear)


def export_states(states: BrainStates, folder: Path | str, kind: str = "csv") -> list[Path]:
    """Write all results as tables into a folder.

    Parameters
    ----------
    states : BrainStates
    folder : path
        Made if missing.
    kind : {"csv", "parquet"}

    Returns
    -------
    list of Path
        ``states`` and ``locality`` (one row per counted assembly), ``combinations``,
        ``coactivation`` (one row per pair) and ``active`` (one row per frame).
    """
    first, second = (states.counted[place] for place in np.triu_indices(len(states.counted), 1))
    together = states.on.astype(np.float64).T @ states.on
    tables = {
        "states": states.table.reset_index(),
        "locality": states.locality.table.reset_index(),
        "combinations": states.combinations,
        "coactivation": pd.DataFrame(
            {
                "first": first,
                "second": second,
                "frames_together": together[first, second].astype(np.int64),
                "log2_ratio": states.coactivation[first, second],
            }
        ),
        "active": pd.DataFrame(
            {"time_s": states.times, "active_assemblies": states.composition.counts}
        ),
    }
    return write_tables(tables, folder, kind)
