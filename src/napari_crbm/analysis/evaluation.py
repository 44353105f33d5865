"""A trained model on frames it has not seen: five statistics, likelihood, reconstruction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.moments import STATISTICS, agreement, corrected_for_penalty, moments
from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: Above this many neurons, covariances are compared on a random subset of as many.
MAX_NEURONS_FOR_PAIRS = 3000

# Probabilities are kept this far from 0 and 1, as in the reference analysis.
_SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the comparison of a model with held-out frames gave.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``statistic`` (`napari_crbm.analysis.moments.STATISTICS`), columns
        ``nrmse, rmse_model, rmse_train, rmse_shuffled, pearson_r, slope, n``; see
        `napari_crbm.analysis.moments.Agreement`.
    pairs : dict of str to (test, model)
        The compared values of every statistic, flat arrays of equal length; those of
        <vh> are corrected for the penalty.
    pair_neurons : int array
        Neurons whose covariances were compared.
    pseudo_likelihood : float
        Mean log P(v_i | all others) of the test frames, nats a neuron and frame.
    nllh : (N,) float64
        Normalised reconstruction log-likelihood of every neuron, see
        `reconstruction_nllh`; NaN for neurons silent in the test frames.
    """

    table: pd.DataFrame
    pairs: dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]]
    pair_neurons: NDArray[np.int64]
    pseudo_likelihood: float
    nllh: NDArray[np.float64]

    @property
    def median_nllh(self) -> float:
        """Median over the neurons that are active in the test frames."""
        known = self.nllh[np.isfinite(self.nllh)]
        return float(np.median(known)) if len(known) else float("nan")

    def __str__(self) -> str:
        columns = self.table[["nrmse", "pearson_r", "slope", "n"]]
        return (
            f"{columns.to_string(float_format=lambda value: f'{value:.3f}')}\n"
            f"pseudo-log-likelihood {self.pseudo_likelihood:.5f} nats a neuron and frame\n"
            f"reconstruction nLLH   {self.median_nllh:.3f} (median over neurons)"
        )


def evaluate(
    model: CRBM,
    train: Spikes,
    test: Spikes,
    *,
    samples: Spikes | None = None,
    n_samples: int = 5000,
    n_chains: int = 100,
    burn_in: int = 500,
    thin: int = 20,
    max_neurons_for_pairs: int = MAX_NEURONS_FOR_PAIRS,
    seed: int = 0,
) -> Evaluation:
    """Compare what the model generates with frames it was not trained on.

    Parameters
    ----------
    model : CRBM
    train, test : Spikes
        Frames the model was trained on, and held-out ones (``model.split_``).
    samples : Spikes, optional
        Activity drawn from the model earlier; by default it is drawn here, from chains
        that start at random training frames as in the paper.
    n_samples, n_chains, burn_in, thin : int
        How to draw; see `CRBM.sample`. (The paper takes 15,000 frames from 300 chains,
        20 steps apart, after 2,000 steps.)
    max_neurons_for_pairs : int
        Covariances of neurons are compared on a random subset of this size in larger
        recordings.
    seed : int
        Of the chains and of the subset.

    Raises
    ------
    ModelError
        If the neurons are not the model's or there are too few frames.
    """
    if min(train.n_frames, test.n_frames) < 2:
        raise ModelError("At least two training and two test frames are needed to compare.")
    if samples is None:
        samples = model.sample(
            n_samples,
            n_chains=n_chains,
            burn_in=burn_in,
            thin=thin,
            start=train,
            random_state=seed,
        )
    size = min(model.n_neurons, max_neurons_for_pairs)
    generator = np.random.default_rng(seed)
    neurons = np.sort(generator.choice(model.n_neurons, size, replace=False))
    of_train, of_test, of_model = (
        moments(part, model.transform(part), neurons) for part in (train, test, samples)
    )
    weights = model.weights_
    l1 = 0.0 if model.settings_ is None else float(model.settings_.l1)
    connected = weights != 0
    pairs: dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]] = {}
    rows = {}
    for name in STATISTICS:
        test_values, train_values, model_values = (
            getattr(part, name) for part in (of_test, of_train, of_model)
        )
        if name == "mean_vh":
            model_values = corrected_for_penalty(model_values, weights, l1)
            test_values, train_values, model_values = (
                values[connected] for values in (test_values, train_values, model_values)
            )
        pairs[name] = (test_values, model_values)
        rows[name] = asdict(agreement(model_values, train_values, test_values))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "statistic"
    return Evaluation(
        table=table,
        pairs=pairs,
        pair_neurons=neurons,
        pseudo_likelihood=model.pseudo_likelihood(test),
        nllh=reconstruction_nllh(model, test),
    )


def reconstruction_nllh(model: CRBM, spikes: Spikes) -> NDArray[np.float64]:
    """How well E[h | v] alone brings back every neuron's activity, (N,) (paper Eq. 18).

    With LLH the mean log-probability of a neuron's states under P(v_i | E[h | v(t)]),
    and LLH_ind the same under the neuron's mean activity, the value is
    ``(LLH - LLH_ind) / -LLH_ind``: 0 no better than the mean, 1 perfect. NaN for a
    neuron that never changes.
    """
    low = _SMALLEST_PROBABILITY
    total = np.zeros(spikes.n_neurons)
    start = 0
    for probability in model.reconstruct(spikes):
        states = spikes.dense(slice(start, start + len(probability)))
        start += len(probability)
        # The probability of what happened: p for a spike, 1 - p for silence.
        likelihood = np.where(states, probability, 1 - probability)
        np.log(np.clip(likelihood, low, 1.0), out=likelihood)
        total += likelihood.sum(axis=0, dtype=np.float64)
    mean = spikes.mean_activity
    changes = (mean > 0) & (mean < 1)
    p = np.where(changes, mean, 0.5)
    baseline = p * np.log(p) + (1 - p) * np.log1p(-p)
    return np.where(changes, (total / spikes.n_frames - baseline) / -baseline, np.nan)
