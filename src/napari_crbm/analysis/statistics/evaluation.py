"""Evaluate a trained model on held-out frames: statistics, likelihoods, reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.membership import membership
from napari_crbm.analysis.evidence.assessment import Evidence, assembly_evidence
from napari_crbm.analysis.export.tables import write_tables
from napari_crbm.analysis.statistics.bootstrap import standard_errors
from napari_crbm.analysis.statistics.declared import STATISTICS, Side
from napari_crbm.analysis.statistics.drift import Drift, held_out_drift
from napari_crbm.analysis.statistics.held_out import held_out_frames
from napari_crbm.analysis.statistics.higher_order import (
    PopulationCount,
    population_count,
    random_triplets,
)
from napari_crbm.analysis.statistics.lagged import LaggedComparison, compare_lagged
from napari_crbm.analysis.statistics.moments import moments
from napari_crbm.analysis.statistics.pairs import PairComparison, compare_pairs
from napari_crbm.analysis.statistics.penalty import SHARES_NOT_KNOWN, penalty_shift
from napari_crbm.analysis.statistics.verdict import unscaled, verdict
from napari_crbm.errors import ModelError
from napari_crbm.nrmse import agreement
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM, Samples
    from napari_crbm.recording import Recording

#: Covariances between at most this many neurons are kept for scatter plots.
MAX_NEURONS_FOR_PAIRS = 1000
_TRIPLETS = 100_000

# Smallest distance of probabilities from 0 and 1, as in the reference analysis.
_SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of comparing a model with held-out frames.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``statistic`` (the keys of `napari_crbm.analysis.STATISTICS`), columns ``nrmse,
        standard_error, rmse_model, rmse_train, rmse_shuffled, pearson_r, train_r, slope, n``; see
        `napari_crbm.nrmse.Agreement` and
        `napari_crbm.analysis.statistics.bootstrap.standard_errors`.
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
    pseudo_likelihood : float
        Mean log P(v_i | all others) of the test frames, nats per neuron per frame.
    nllh : (N,) float64
        Normalised reconstruction log-likelihood of every neuron, see
        `reconstruction_nllh`; NaN for neurons silent in the test frames.
    samples : Samples or None
        The activity drawn from the model; None if it was passed as `Spikes`.
    independent : float
        As ``pseudo_likelihood``, of independent neurons (`independent_likelihood`).
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
    pseudo_likelihood: float
    nllh: NDArray[np.float64]
    samples: Samples | None
    independent: float = float("nan")
    evidence: Evidence | None = None
    drift: Drift | None = None
    notes: tuple[str, ...] = ()

    @property
    def median_nllh(self) -> float:
        """Median over the neurons that are active in the test frames."""
        known = self.nllh[np.isfinite(self.nllh)]
        return float(np.median(known)) if len(known) else float("nan")

    @property
    def warning(self) -> str | None:
        """Warning if the samples from the model are unreliable; None otherwise."""
        return None if self.samples is None else self.samples.warning

    @property
    def verdict(self) -> str:
        """Assessment of the model in a few sentences."""
        return verdict(self.table, self.evidence, self.pseudo_likelihood, self.independent)

    def score(self, name: str) -> str:
        """Return the nRMSE of a statistic with its error, or correlations where it is undefined."""
        row = self.table.loc[name]
        if unscaled(self.table, name):
            return f"r {row['pearson_r']:.2f}, training {row['train_r']:.2f}"
        error = row["standard_error"]
        sure = f" ± {error:.2f}" if np.isfinite(error) else ""
        return f"{round(row['nrmse'], 2) + 0.0:.2f}{sure}"

    def __str__(self) -> str:
        columns = self.table[["nrmse", "standard_error", "pearson_r", "train_r", "slope", "n"]]
        lines = [
            columns.to_string(float_format=lambda value: f"{value:.3f}", na_rep="-"),
            f"active neurons per frame nRMSE {self.population.nrmse:.3f} (distance "
            f"{self.population.model:.1f} neurons; training frames {self.population.train:.1f}, "
            f"independent neurons {self.population.independent:.1f})",
            f"pseudo-log-likelihood {self.pseudo_likelihood:.5f} nats per neuron per frame "
            f"(independent neurons {self.independent:.5f})",
            f"reconstruction nLLH   {self.median_nllh:.3f} (median over neurons)",
            *([self.lagged.verdict] if len(self.lagged.table) else []),
            *([str(self.drift)] if self.drift is not None else []),
        ]
        if self.samples is not None:
            lines.append(
                f"{self.samples.spikes.n_frames:,} frames drawn from the model, "
                f"{self.samples.thin} steps apart after {self.samples.burn_in:,}, worth "
                f"{self.samples.effective_size:,.0f} independent ones at least"
            )
        return "\n".join([*lines, *self.notes, self.verdict])


def evaluate(
    model: CRBM,
    train: Spikes,
    test: Spikes,
    *,
    samples: Samples | Spikes | None = None,
    n_samples: int = 5000,
    n_chains: int = 200,
    n_temperatures: int = 1,
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
    n_samples, n_chains, n_temperatures : int
        Options of `napari_crbm.model.draw`.
    as_published : bool
        Draw as in the paper, 50 frames from each of 300 chains (`napari_crbm.model.draw`), for
        comparison with the paper's figures; the three options above are then ignored. These
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
            n_chains, n_temperatures = PUBLISHED_CHAINS, 1
            n_samples = PUBLISHED_CHAINS * PUBLISHED_FRAMES
        samples = draw(
            model,
            n_samples,
            n_chains=n_chains,
            n_temperatures=n_temperatures,
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
    penalised = model.settings_ is not None and model.settings_.l1
    notes = (SHARES_NOT_KNOWN,) if penalised and model.penalty_share_ is None else ()
    errors = standard_errors(parts, hidden, connected, shift, random_state=seed)
    report(650, 1000)
    all_pairs = compare_pairs(
        *parts,
        n_threads=model.n_threads,
        report=lambda done, total: report(650 + 300 * done // total, 1000),
    )
    triplets = random_triplets(membership(model.weights_), _TRIPLETS, seed)
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
        rows[name] = asdict(found) | {"standard_error": errors[name]}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.insert(1, "standard_error", table.pop("standard_error"))
    table.index.name = "statistic"
    return Evaluation(
        table=table,
        pairs=pairs,
        all_pairs=all_pairs,
        population=population_count(*parts),
        lagged=compare_lagged(*hidden, frames=frames, frame_interval_s=frame_interval_s),
        pseudo_likelihood=model.pseudo_likelihood(test),
        nllh=reconstruction_nllh(model, test),
        samples=samples if isinstance(samples, Samples) else None,
        independent=independent_likelihood(train, test),
        notes=notes,
    )


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
    return replace(
        found,
        evidence=assembly_evidence(model, recording),
        drift=held_out_drift(recording.spikes, model.split_),
    )


def independent_likelihood(train: Spikes, test: Spikes) -> float:
    """Mean log-likelihood of test frames by the mean activities of training frames.

    In nats per neuron per frame. Mean activities are those of the training frames with half a
    spike more, so that a neuron silent there does not make a spike impossible.
    """
    chance = (train.neuron_counts + 0.5) / (train.n_frames + 1.0)
    active = test.mean_activity
    return float((active * np.log(chance) + (1 - active) * np.log1p(-chance)).mean())


def reconstruction_nllh(model: CRBM, spikes: Spikes) -> NDArray[np.float64]:
    """Compute how well E[h | v] alone reconstructs each neuron's activity, (N,) (paper Eq. 18).

    With LLH the mean log-probability of a neuron's states under P(v_i | E[h | v(t)]),
    and LLH_ind the same under the neuron's mean activity, the value is
    ``(LLH - LLH_ind) / -LLH_ind``: 0 no better than the mean, 1 perfect. NaN for a
    neuron that never changes.
    """
    return normalised_likelihood(model.reconstruct(spikes), spikes)


def normalised_likelihood(
    probabilities: Iterable[NDArray[np.floating]], spikes: Spikes
) -> NDArray[np.float64]:
    """Compute the normalised log-likelihood of activity, (N,); see `reconstruction_nllh`.

    Parameters
    ----------
    probabilities : iterable of (t, N)
        Probability of each neuron to be active, in consecutive blocks of all frames.
    spikes : Spikes
    """
    low = _SMALLEST_PROBABILITY
    total = np.zeros(spikes.n_neurons)
    start = 0
    for probability in probabilities:
        states = spikes.dense(slice(start, start + len(probability)))
        start += len(probability)
        # Probability of the observed state: p if active, 1 - p if silent.
        likelihood = np.where(states, probability, 1 - probability)
        np.log(np.clip(likelihood, low, 1.0), out=likelihood)
        total += likelihood.sum(axis=0, dtype=np.float64)
    mean = spikes.mean_activity
    changes = (mean > 0) & (mean < 1)
    p = np.where(changes, mean, 0.5)
    baseline = p * np.log(p) + (1 - p) * np.log1p(-p)
    return np.where(changes, (total / spikes.n_frames - baseline) / -baseline, np.nan)
