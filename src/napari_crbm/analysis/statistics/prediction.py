"""How well single neurons are predicted from all others, by the model and by simpler models.

All are compared on the same neurons in the same frames. A model with one global unit predicts
each neuron from the mean activity of all others, by a logistic regression on the training frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from napari_crbm.analysis.statistics.block_sums import jackknife_variance
from napari_crbm.analysis.statistics.verdict import Estimate
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

# Neurons that are predicted, and cumulant functions that are computed, at most.
_NEURONS, _CUMULANTS = 500, 30_000_000
_FRAMES_AT_ONCE = 64
# Newton steps of the logistic regressions, and their weak prior on slope and intercept in units
# of the standardised population rate: a neuron that is silent in training stays finite.
_STEPS, _PRIOR = 12, 0.1


@dataclass(frozen=True, eq=False)
class Prediction:
    """Mean log-likelihood of single neurons given all others, nats per neuron, of every frame.

    Parameters
    ----------
    model, independent, population : (T,) float64
        By the model, by mean activities, and by the mean activity of all other neurons.
    """

    model: NDArray[np.float64]
    independent: NDArray[np.float64]
    population: NDArray[np.float64]


def predictions(
    model: CRBM, train: Spikes, test: Spikes, random_state: int = 0
) -> tuple[Prediction, Prediction]:
    """Predict neurons in training and held-out frames.

    Simpler models are fitted to the training frames. Up to 500 random neurons are predicted; in
    long recordings of large models, fewer.

    Parameters
    ----------
    model : CRBM
    train, test : Spikes
    random_state : int
        Seed of the neurons.

    Returns
    -------
    train, test : Prediction
    """
    n_frames = train.n_frames + test.n_frames
    most = min(_NEURONS, max(_CUMULANTS // (n_frames * model.n_assemblies), 20))
    generator = np.random.default_rng([random_state, 5])
    n = min(most, model.n_neurons)
    neurons = np.sort(generator.choice(model.n_neurons, n, replace=False))
    rasters = [part.select_neurons(neurons).dense() for part in (train, test)]
    rates = [_others(part, raster) for part, raster in zip((train, test), rasters, strict=True)]
    chance = (rasters[0].sum(axis=0) + 0.5) / (len(rasters[0]) + 1.0)
    slope, intercept = _logistic(rates[0], rasters[0])
    found = []
    for part, raster, rate in zip((train, test), rasters, rates, strict=True):
        sign = 2.0 * raster - 1.0
        found.append(
            Prediction(
                _by_model(model, part, neurons, raster),
                log_expit(sign * np.log(chance / (1 - chance))).mean(axis=1),
                log_expit(sign * (slope * rate + intercept)).mean(axis=1),
            )
        )
    return found[0], found[1]


def predicted_beyond(
    model: CRBM,
    parts: tuple[Spikes, Spikes],
    blocks: tuple[Sequence[NDArray[np.integer]], Sequence[NDArray[np.integer]]],
    random_state: int = 0,
) -> dict[str, Any]:
    """Compare predictions of neurons with those of simpler models, with standard errors.

    Parameters
    ----------
    model : CRBM
    parts : (train, test) Spikes
    blocks : (train, test) sequences of int arrays
        Frames of blocks of time that count as independent.
    random_state : int
        Seed of the neurons.

    Returns
    -------
    dict
        Fields ``gain``, ``train_gain``, ``over_population`` and ``likelihoods`` of
        `napari_crbm.analysis.statistics.verdict.Findings`.
    """
    train, test = predictions(model, *parts, random_state)
    return {
        "gain": block_mean(test.model - test.independent, blocks[1]),
        "train_gain": block_mean(train.model - train.independent, blocks[0]),
        "over_population": block_mean(test.model - test.population, blocks[1]),
        "likelihoods": {
            "model": float(test.model.mean()),
            "train": float(train.model.mean()),
            "population": float(test.population.mean()),
            "independent": float(test.independent.mean()),
        },
    }


def block_mean(values: NDArray[np.float64], blocks: Sequence[NDArray[np.integer]]) -> Estimate:
    """Return the mean over frames, with its jackknife standard error from blocks of time.

    Parameters
    ----------
    values : (T,) float64
    blocks : sequence of int arrays
        Positions of the frames of each block.
    """
    sums = np.array([values[block].sum() for block in blocks])
    lengths = np.array([len(block) for block in blocks])
    without = (sums.sum() - sums) / np.maximum(lengths.sum() - lengths, 1)
    error = float(np.sqrt(jackknife_variance(without)))
    return Estimate(float(values.mean()), error)


def _by_model(
    model: CRBM, spikes: Spikes, neurons: NDArray[np.int64], raster: NDArray[np.uint8]
) -> NDArray[np.float64]:
    inputs = model.inputs_h_from_v(spikes)
    weights, fields, units = model.weights_[neurons], model.fields_[neurons], model.hidden_
    out = np.empty(len(inputs))
    with kernel_threads(model.n_threads):
        for start in range(0, len(inputs), _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            sign = 2 * raster[part].astype(np.float32) - 1
            flipped = inputs[part, None, :] - sign[:, :, None] * weights
            shape = flipped.shape
            other = units.cumulant(flipped.reshape(-1, shape[2])).sum(axis=1).reshape(shape[:2])
            gain = units.cumulant(inputs[part]).sum(axis=1)[:, None] - other
            out[part] = log_expit(sign * fields + gain).mean(axis=1)
    return out


def _others(spikes: Spikes, raster: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean activity of all other neurons in every frame, (T, n)."""
    others = max(spikes.n_neurons - 1, 1)
    return np.asarray((spikes.frame_counts[:, None] - raster) / others, dtype=np.float64)


def _logistic(
    rate: NDArray[np.float64], raster: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit one logistic regression a neuron, (n,) slopes and intercepts, by Newton's method."""
    centre, spread = rate.mean(axis=0), rate.std(axis=0)
    x = (rate - centre) / np.where(spread > 0, spread, 1.0)
    p = (raster.sum(axis=0) + 0.5) / (len(raster) + 1.0)
    slope, intercept = np.zeros(x.shape[1]), np.log(p / (1 - p))
    for _ in range(_STEPS):
        chance = expit(slope * x + intercept)
        error, width = raster - chance, chance * (1 - chance)
        gradient = np.array([(error * x).sum(axis=0) - _PRIOR * slope, error.sum(axis=0)])
        a, b, d = (width * x**2).sum(axis=0) + _PRIOR, (width * x).sum(axis=0), width.sum(axis=0)
        d = d + 1e-9
        determinant = a * d - b**2
        slope = slope + np.clip((d * gradient[0] - b * gradient[1]) / determinant, -2, 2)
        intercept = intercept + np.clip((a * gradient[1] - b * gradient[0]) / determinant, -2, 2)
    slope = slope / np.where(spread > 0, spread, 1.0)
    return slope, intercept - slope * centre
