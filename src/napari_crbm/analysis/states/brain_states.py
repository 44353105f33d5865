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
from napari_crbm.analysis.export.tables import write_tables
from napari_crbm.analysis.states.combinations import (
    Composition,
    coactivation,
    combinations,
    composition,
    on_threshold,
    state_table,
)
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
        Whether an assembly is on.
    composition : Composition
    table : pandas.DataFrame
        See `state_table`.
    combinations : pandas.DataFrame
        See `napari_crbm.analysis.combinations`; only assemblies with two clear states.
    coactivation : (M, M) float64
        See `napari_crbm.analysis.coactivation`.
    locality : Locality
    """

    times: NDArray[np.float64]
    on: NDArray[np.bool_]
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
        return np.asarray(self.on & self.table["bimodal"].to_numpy(dtype=bool))

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
        If model and recording do not belong together, or have too few assemblies or frames.
    """
    if activity is None:
        activity = model.transform(recording.spikes)
    on = np.asarray(activity > on_threshold(activity, definition))
    table = state_table(activity, recording.frame_interval_s, definition, recording.segments)
    return BrainStates(
        times=recording.times,
        on=on,
        composition=composition(activity, random_state, definition),
        table=table,
        combinations=combinations(
            on & table["bimodal"].to_numpy(dtype=bool), recording.times, recording.segments
        ),
        coactivation=coactivation(on),
        locality=locality(
            model,
            recording,
            n_shuffles=n_shuffles,
            random_state=random_state,
            report=report,
        ),
    )


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
        ``states`` and ``locality`` (one row per assembly), ``combinations``,
        ``coactivation`` (one row per pair) and ``active`` (one row per frame).
    """
    first, second = np.triu_indices(len(states.coactivation), 1)
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
