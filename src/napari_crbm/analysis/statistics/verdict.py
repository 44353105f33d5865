"""Whether a model explains a recording, in a few sentences with what was compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_crbm.analysis.statistics.declared import STATISTICS

if TYPE_CHECKING:
    from napari_crbm.analysis.evidence.assessment import Evidence

# An nRMSE up to the first is good, up to the second fair (the paper's model: 0.17 at worst).
_GOOD, _FAIR = 0.2, 0.5
# Numbers of statistics in words.
_COUNTS = {2: "both", 3: "three", 4: "four", 5: "five", 6: "six"}


def verdict(
    table: pd.DataFrame,
    evidence: Evidence | None = None,
    likelihood: float = float("nan"),
    independent: float = float("nan"),
) -> str:
    """Judge a model by what it generates and predicts for held-out frames.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `napari_crbm.analysis.Evaluation`.
    evidence : Evidence, optional
        Held-out evidence for the assemblies of the model.
    likelihood, independent : float
        Mean log-likelihood of the states of neurons in held-out frames, nats per neuron per
        frame: given all other neurons by the model, and by the mean activities of the training
        frames alone.

    Returns
    -------
    str
        No evidence of assemblies and no better prediction than by independent neurons come
        first: what a model reproduces then are mean activities and what all neurons share.
    """
    found = [] if evidence is None else [_existence(evidence)]
    if np.isfinite(likelihood) and np.isfinite(independent) and likelihood <= independent:
        found.append(
            f"The model predicts held-out frames no better than independent neurons "
            f"({likelihood:.4f} against {independent:.4f} nats per neuron per frame)."
        )
    if evidence is not None and not evidence.reason and evidence.n_certain == 0:
        return " ".join(found)
    return " ".join([*found, *_fit(table)])


def _existence(evidence: Evidence) -> str:
    """Say how many assemblies are certain, or that none is."""
    if evidence.reason or evidence.n_certain:
        return str(evidence)
    tested = int(evidence.table["p"].notna().sum())
    return (
        f"There is no evidence of assemblies: in {evidence.n_frames:,} held-out frames the "
        f"members of none of {tested} units are active together beyond chance. What the model "
        "reproduces are mean activities, slow changes and what all neurons share. Training "
        "longer does not change this; a longer recording may."
    )


def _fit(table: pd.DataFrame) -> list[str]:
    judged = [name for name, each in STATISTICS.items() if each.judged]
    noisy = [_too_noisy(table, name) for name in judged if unscaled(table, name)]
    scores = table["nrmse"][judged].dropna()
    return [*noisy, *([_judgement(scores)] if len(scores) else [])]


def unscaled(table: pd.DataFrame, name: str) -> bool:
    """Return whether a statistic is too noisy for an nRMSE but has correlations."""
    row = table.loc[name]
    return bool(np.isnan(row["nrmse"]) and np.isfinite(row[["pearson_r", "train_r"]]).all())


def _judgement(scores: pd.Series) -> str:
    worst = str(scores.idxmax())
    value, phrase = float(scores[worst]), STATISTICS[worst].phrase
    if value <= _GOOD:
        judged = sum(each.judged for each in STATISTICS.values())
        count = _COUNTS.get(judged, str(judged))
        which = f"all {count}" if len(scores) == judged else "the other"
        text = (
            f"The model reproduces {which} statistics nearly as well as one part of the "
            "recording predicts another."
        )
    elif value <= _FAIR:
        text = (
            f"The model reproduces the recording fairly; weakest are the {phrase} "
            f"(nRMSE {value:.2f})."
        )
    else:
        text = (
            f"The model does not reproduce the {phrase} (nRMSE {value:.2f}, 1 is "
            "chance): do not draw conclusions from them. Train longer, or with another "
            "number of assemblies."
        )
    return text


def _too_noisy(table: pd.DataFrame, name: str) -> str:
    """Explain why a statistic has no nRMSE, and give its correlations instead."""
    row = table.loc[name]
    return (
        f"The {STATISTICS[name].phrase} have no nRMSE: in so few frames they are more noise "
        f"than signal. Their correlation with the held-out frames is {row['pearson_r']:.2f} "
        f"for the model and {row['train_r']:.2f} for the training frames."
    )
