"""What the plots of the *Statistics* dock show, and what good looks like, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.analysis.statistics.words import PREDICTION_UNIT

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation, Likelihood, Statistic

#: Above all plots.
HOW_TO_READ = (
    "Each plot compares what the model generates with held-out frames. Point at a plot for its "
    "definition. <b>nRMSE</b> ± standard error: 0 is as good as the training frames, 1 no better "
    "than chance; up to 0.2 is good. <b>Explains</b>: share of the reproducible covariance of "
    "held-out frames that the model has; 100 % is all of it, 0 no more than independent neurons."
)
POPULATION_TITLE = "How many neurons are active together"
POPULATION = (
    "Good: the model (orange) lies on the held-out frames (grey), also where independent neurons "
    "(dotted) do not."
)
LAGGED_TITLE = "Assemblies across time"
LAGGED = (
    "Grey: how long assemblies last. Good: the model (orange) predicts correlations over time as "
    "well as the training frames do (blue). Green above 0: assemblies follow each other in order."
)


def caption(statistic: Statistic) -> str:
    """Return what a scatter of model against held-out frames shows, and what is good."""
    return f"One value per {statistic.each}. Good: on the dashed line."


def foot(evaluation: Evaluation, likelihood: Likelihood | None) -> str:
    """Return further results below the plots, a paragraph each."""
    drawn = evaluation.samples
    parts = [
        f"<b>Reconstruction</b> of neurons from the assemblies: {evaluation.median_nllh:.2f} "
        f"(median; 1 is perfect, 0 the mean rate; {evaluation.shifted_nllh:.2f} if each neuron is "
        "shifted in time).",
        f"<b>Active neurons per frame</b>: nRMSE {evaluation.population.nrmse:.2f}.",
        f"<b>Prediction of a neuron from all others</b> (pseudo-likelihood): "
        f"{evaluation.pseudo_likelihood:.4f} {PREDICTION_UNIT}; 0 is perfect, independent neurons "
        f"reach {evaluation.findings.likelihoods['independent']:.4f}.",
        " ".join(evaluation.notes),
        "" if likelihood is None else likelihood.verdict,
        evaluation.lagged.verdict,
        evaluation.drift or "",
    ]
    if drawn is not None:
        parts.append(
            f"{drawn.spikes.n_frames:,} frames from {drawn.n_chains} chains, {drawn.thin} steps "
            "apart."
        )
    return "".join(f"<p>{part}</p>" for part in parts if part)
