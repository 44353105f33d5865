"""Evaluate a trained model on held-out frames: statistics, likelihoods, reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.membership import membership
from napari_crbm.analysis.evidence.assessment import Evidence, assembly_evidence
from napari_crbm.analysis.statistics.drift import Drift, held_out_drift
from napari_crbm.analysis.statistics.explained import Explained
from napari_crbm.analysis.statistics.held_out import held_out_frames
from napari_crbm.analysis.statistics.higher_order import (
    PopulationCount,
    population_count,
    random_triplets,
)
from napari_crbm.analysis.statistics.intervals import nrmse_intervals
from napari_crbm.analysis.statistics.lagged import LaggedComparison, compare_lagged
from napari_crbm.analysis.statistics.left_over import components_left_over
from napari_crbm.analysis.statistics.moments import moments
from napari_crbm.analysis.statistics.pairs import PairComparison, compare_pairs
from napari_crbm.analysis.statistics.penalty import penalty_shift
from napari_crbm.analysis.statistics.prediction import predicted_beyond
from napari_crbm.analysis.statistics.reconstruction import (
    median_nllh,
    reconstruction_nllh,
    shifted_nllh,
)
from napari_crbm.analysis.statistics.registry import STATISTICS, Side
from napari_crbm.analysis.statistics.resampling import Resampling
from napari_crbm.analysis.statistics.rows import explained_shares, reasons_of, table_row
from napari_crbm.analysis.statistics.verdict import Estimate, Findings, Outcome, Verdict, verdict
from napari_crbm.errors import ModelError
from napari_crbm.model.start.effective_frames import effective_frames
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM, Samples
    from napari_crbm.recording import Recording

#: Covariances between at most this many neurons are kept for scatter plots.
MAX_NEURONS_FOR_PAIRS = 1000
#: What the numbers of the table mean.
LEGEND = (
    "nrmse: 0 as good as the training frames, 1 no better than chance; low to high is the 95 % "
    "interval. explained: share of the reproducible part of the held-out statistic that the model "
    "explains (1 all, 0 as much as independent neurons), and the same for the training frames."
)
_TRIPLETS = 100_000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of comparing a model with held-out frames.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``statistic`` (the keys of `napari_crbm.analysis.STATISTICS`), columns ``nrmse``
        with ``standard_error`` and the interval ``low`` to ``high``
        (`napari_crbm.analysis.statistics.intervals`); ``explained`` with ``explained_error``, and
        ``explained_train`` with ``explained_train_error``
        (`napari_crbm.analysis.statistics.explained`); ``rmse_model, rmse_train, rmse_shuffled,
        pearson_r, train_r, slope, n`` (`napari_crbm.nrmse.Agreement`).
    pairs : dict of str to (test, model)
        The compared values of every statistic, flat arrays of equal length; those of
        <vh> are corrected for the penalty, those of the covariances of neurons are a
        sample in large recordings.
    all_pairs : PairComparison
        Histogram of the covariances of all pairs of neurons.
    population : PopulationCount
        The number of active neurons per frame.
    lagged : LaggedComparison
        Correlations of assemblies at time lags.
    nllh : (N,) float64
        Normalised reconstruction log-likelihood of every neuron, see
        `reconstruction_nllh`; NaN for neurons silent in the test frames.
    shifted_nllh : float
        Its median if every neuron is shifted in time by itself: what a neuron's own activity
        contributes to its reconstruction.
    findings : Findings
        What the verdict rests on.
    samples : Samples or None
        The activity drawn from the model; None if it was passed as `Spikes`.
    evidence : Evidence or None
        Held-out evidence for the assemblies, if the recording was given.
    notes : tuple of str
        What limits the numbers, a sentence each.
    """

    table: pd.DataFrame
    pairs: dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]]
    all_pairs: PairComparison
    population: PopulationCount
    lagged: LaggedComparison
    nllh: NDArray[np.float64]
    shifted_nllh: float
    findings: Findings
    samples: Samples | None
    evidence: Evidence | None = None
    drift: Drift | None = None
    notes: tuple[str, ...] = ()

    @property
    def median_nllh(self) -> float:
        """Median over the neurons that are active in the test frames."""
        return median_nllh(self.nllh)

    @property
    def warning(self) -> str | None:
        """Warning if the samples from the model are unreliable; None otherwise."""
        return None if self.samples is None else self.samples.warning

    @property
    def pseudo_likelihood(self) -> float:
        """Mean log P(v_i | all others) of the test frames, nats per neuron per frame."""
        return self.findings.likelihoods["model"]

    @property
    def judgement(self) -> Verdict:
        """Outcome, one sentence with what was compared, and advice."""
        return verdict(self.findings)

    @property
    def verdict(self) -> str:
        """Assessment of the model in a few sentences."""
        said = self.evidence is None or self.judgement.outcome is Outcome.NO_EVIDENCE
        return str(self.judgement) if said else f"{self.evidence} {self.judgement}"

    def score(self, name: str) -> str:
        """Return the nRMSE of a statistic with its error, or correlations where it is undefined."""
        row = self.table.loc[name]
        if np.isfinite(row["nrmse"]):
            error = row["standard_error"]
            sure = f" ± {error:.2f}" if np.isfinite(error) else ""
            text = f"{round(row['nrmse'], 2) + 0.0:.2f}{sure}"
        elif np.isfinite(row[["pearson_r", "train_r"]].astype(float)).all():
            text = f"r {row['pearson_r']:.2f}, training {row['train_r']:.2f}"
        else:
            text = "not known"
        return text

    def explained(self, name: str) -> str:
        """Return the explained share of a statistic with its error; empty where it is unknown."""
        row = self.table.loc[name]
        if not np.isfinite(row["explained"]):
            return ""
        return f"{100 * row['explained']:.0f} ± {100 * row['explained_error']:.0f} %"

    def __str__(self) -> str:
        shown = ["nrmse", "standard_error", "low", "high", "explained", "explained_error"]
        columns = self.table[[*shown, "explained_train", "pearson_r", "train_r", "n"]]
        likelihood = self.findings.likelihoods
        lines = [
            columns.to_string(float_format=lambda value: f"{value:.3f}", na_rep="-"),
            LEGEND,
            f"active neurons per frame nRMSE {self.population.nrmse:.3f} (distance "
            f"{self.population.model:.1f} neurons; training frames {self.population.train:.1f}, "
            f"independent neurons {self.population.independent:.1f})",
            f"pseudo-likelihood {likelihood['model']:.5f} nats per neuron per frame "
            f"(training frames {likelihood['train']:.5f}; held-out frames by one global unit "
            f"{likelihood['population']:.5f}, by independent neurons "
            f"{likelihood['independent']:.5f})",
            f"reconstruction nLLH   {self.median_nllh:.3f} (median over neurons; "
            f"{self.shifted_nllh:.3f} if each neuron is shifted in time)",
            *([self.lagged.verdict] if len(self.lagged.table) else []),
            *([str(self.drift)] if self.drift is not None else []),
        ]
        if self.samples is not None:
            lines.append(
                f"{self.samples.spikes.n_frames:,} frames were drawn from the model, "
                f"{self.samples.thin} Gibbs steps apart after {self.samples.burn_in:,} steps. They "
                f"are worth at least {self.samples.effective_size:,.0f} independent frames."
            )
        return "\n".join([*lines, *self.notes, self.verdict])


def evaluate(
    model: CRBM,
    train: Spikes,
    test: Spikes,
    *,
    samples: Samples | Spikes | None = None,
    n_samples: int = 5000,
    n_chains: int = 300,
    as_published: bool = False,
    seed: int = 0,
    frames: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None,
    frame_interval_s: float = 1.0,
    report: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Compare activity drawn from the model with frames it was not trained on.

    Parameters
    ----------
    model : CRBM
    train, test : Spikes
        Frames the model was trained on, and held-out ones (``model.split_``).
    samples : Samples or Spikes, optional
        Activity drawn from the model earlier; by default it is drawn here, see
        `napari_crbm.model.draw`.
    n_samples, n_chains : int
        Options of `napari_crbm.model.draw`.
    as_published : bool
        Draw as in the paper, 50 frames from each of 300 chains (`napari_crbm.model.draw`), for
        comparison with the paper's figures; the two options above are then ignored. These
        chains start in recorded frames and may stay close to them, so the default is the
        harder test.
    seed : int
        Seed of the chains and of all random choices.
    frames : (train, test) int arrays, optional
        Numbers of the frames in the recording, for statistics across time; consecutive
        by default.
    frame_interval_s : float
    report : callable, optional
        Called with (thousandths done, 1000); may raise to cancel.

    Raises
    ------
    ModelError
        If the number of neurons differs from the model's, or there are too few frames.
    """
    from napari_crbm.model import Samples, draw
    from napari_crbm.model.sampling.draw import PUBLISHED_CHAINS, PUBLISHED_FRAMES

    if min(train.n_frames, test.n_frames) < 2:
        raise ModelError("At least two training and two test frames are needed to compare.")
    report = report or (lambda done, total: None)
    if samples is None:
        if as_published:
            n_chains = PUBLISHED_CHAINS
            n_samples = PUBLISHED_CHAINS * PUBLISHED_FRAMES
        samples = draw(
            model,
            n_samples,
            n_chains=n_chains,
            as_published=as_published,
            start=train,
            random_state=seed,
            report=lambda done, total: report(500 * done // total, 1000),
        )
    drawn = samples.spikes if isinstance(samples, Samples) else samples
    parts = (drawn, train, test)
    size = min(model.n_neurons, MAX_NEURONS_FOR_PAIRS)
    generator = np.random.default_rng(seed)
    neurons = np.sort(generator.choice(model.n_neurons, size, replace=False))
    hidden = (model.transform(drawn), model.transform(train), model.transform(test))
    found_moments = [
        moments(part, values, neurons) for part, values in zip(parts, hidden, strict=True)
    ]
    report(600, 1000)
    shift, none = penalty_shift(model, train), np.zeros((1, 1), np.float32)
    connected = model.weights_ != 0
    n_chains = samples.n_chains if isinstance(samples, Samples) else drawn.n_frames
    numbers = frames or (np.arange(train.n_frames), np.arange(test.n_frames))
    resampling = Resampling.of(model, parts, hidden, numbers, n_chains, seed)
    some = resampling.neurons
    intervals = nrmse_intervals(resampling.whole, connected[some], shift[some])
    shares = explained_shares(resampling, connected[some], shift[some])
    report(650, 1000)
    all_pairs = compare_pairs(
        *parts,
        n_threads=model.n_threads,
        report=lambda done, total: report(650 + 300 * done // total, 1000),
    )
    triplets = random_triplets(membership(model), _TRIPLETS, seed)
    sides = [
        Side(of_part, connected, added, part, triplets)
        for of_part, added, part in zip(found_moments, (shift, none, none), parts, strict=True)
    ]
    pairs: dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]] = {}
    rows = {}
    for name, statistic in STATISTICS.items():
        values = [statistic.values(side) for side in sides]
        pairs[name] = (values[2], values[0])
        found = all_pairs.agreement if statistic.all_pairs else agreement(*values)
        rows[name] = table_row(asdict(found), intervals[name], shares.get(name))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "statistic"
    settled = not isinstance(samples, Samples) or samples.settled
    findings = _findings(model, train, test, resampling, table, shares, settled, seed)
    return Evaluation(
        table=table,
        pairs=pairs,
        all_pairs=all_pairs,
        population=population_count(*parts),
        lagged=compare_lagged(*hidden, frames=frames, frame_interval_s=frame_interval_s),
        nllh=reconstruction_nllh(model, test),
        shifted_nllh=shifted_nllh(model, test, seed),
        findings=findings,
        samples=samples if isinstance(samples, Samples) else None,
        notes=tuple(reasons_of(intervals, shares)),
    )


def _findings(
    model: CRBM,
    train: Spikes,
    test: Spikes,
    resampling: Resampling,
    table: pd.DataFrame,
    shares: Mapping[str, Explained],
    settled: bool,
    seed: int,
) -> Findings:
    judged = [name for name, each in STATISTICS.items() if each.judged]
    return Findings(
        n_frames=test.n_frames,
        n_blocks=resampling.whole[2].n_blocks,
        settled=settled,
        explained=shares,
        nrmse={
            name: Estimate(*map(float, table.loc[name, ["nrmse", "standard_error"]]))
            for name in judged
        },
        n_left_over=components_left_over(
            resampling.model,
            *resampling.whole[1:],
            model.weights_[resampling.neurons],
            effective_frames(test),
        ),
        **predicted_beyond(model, (train, test), resampling.blocks, seed),
    )


def evaluate_held_out(model: CRBM, recording: Recording, **options: Any) -> Evaluation:
    """Run `evaluate` on the frames of a recording that the model was not trained on.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The one the model was trained on.
    **options
        As for `evaluate`.

    Raises
    ------
    ModelError
        If the model was trained on all frames, or on another recording.

    Examples
    --------
    >>> from napari_crbm import CRBM
    >>> from napari_crbm.analysis import evaluate_held_out
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording)
    >>> evaluation = evaluate_held_out(model, recording, n_samples=500, n_chains=50)
    >>> list(evaluation.table.index)
    ['mean_v', 'mean_h', 'mean_vh', 'cov_vv', 'cov_hh', 'triplets']
    >>> text = evaluation.verdict  # a few sentences
    """
    train, test = held_out_frames(model, recording.spikes)
    assert model.split_ is not None
    found = evaluate(
        model,
        train,
        test,
        frames=(
            recording.frame_numbers[model.split_["train"]],
            recording.frame_numbers[model.split_["test"]],
        ),
        frame_interval_s=recording.frame_interval_s,
        **options,
    )
    evidence = assembly_evidence(model, recording)
    findings = found.findings
    if not evidence.reason:
        tested = int(evidence.table["p"].notna().sum())
        findings = replace(findings, n_tested=tested, n_certain=evidence.n_certain)
    return replace(
        found,
        evidence=evidence,
        findings=findings,
        drift=held_out_drift(recording.spikes, model.split_),
    )
