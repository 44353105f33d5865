"""The results of an evaluation as tables in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_crbm.analysis.export.tables import write_tables

if TYPE_CHECKING:
    from napari_crbm.analysis.statistics.evaluation import Evaluation


def export_evaluation(evaluation: Evaluation, folder: Path | str, kind: str = "csv") -> list[Path]:
    """Write the results of an evaluation as tables into a folder.

    Parameters
    ----------
    evaluation : Evaluation
    folder : path
        Made if missing.
    kind : {"csv", "parquet"}

    Returns
    -------
    list of Path
        ``statistics`` (one row per statistic), ``neurons`` (reconstruction of each),
        ``lagged`` (one row per lag) and ``active_neurons`` (distribution of their number).
    """
    population = evaluation.population
    tables = {
        "statistics": evaluation.table.reset_index(),
        "neurons": pd.DataFrame(
            {
                "neuron": np.arange(len(evaluation.nllh)),
                "reconstruction_nllh": evaluation.nllh,
            }
        ),
        "lagged": evaluation.lagged.table,
        "active_neurons": pd.DataFrame(
            {
                "fewest": np.ceil(population.edges[:-1]),
                "most": np.floor(population.edges[1:]),
                **population.shares,
            }
        ),
    }
    return write_tables(tables, folder, kind)
