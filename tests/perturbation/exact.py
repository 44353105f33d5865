"""Exact answers for models of a few neurons, by summation over all their states."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from napari_crbm.model import CRBM, DReLU
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns

#: Probability of every state: a quadrature over hidden values for states given a held unit.
GRID = np.linspace(-14, 14, 2801)


def probabilities(rbm) -> np.ndarray:
    """P(v) of all states, in the order of `all_patterns`."""
    logs = rbm.log_probability_unnormalised(Spikes.from_dense(all_patterns(rbm.n_neurons)))
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def given(rbm, inside: np.ndarray) -> np.ndarray:
    """P(v | event) of all states."""
    weights = probabilities(rbm) * inside
    return weights / weights.sum()


def mean_activity(rbm, weights: np.ndarray) -> np.ndarray:
    return weights @ all_patterns(rbm.n_neurons)


def mean_hidden(rbm, weights: np.ndarray) -> np.ndarray:
    return weights @ rbm.mean_h_from_v(Spikes.from_dense(all_patterns(rbm.n_neurons)))


def two_wells(seed: int = 0, n_neurons: int = 10) -> CRBM:
    """A small model of three assemblies that are on or off, with members of their own."""
    generator = np.random.default_rng(seed)
    weights = np.zeros((n_neurons, 3), dtype=np.float32)
    for unit in range(3):
        members = generator.choice(n_neurons, 4, replace=False)
        weights[members, unit] = generator.uniform(0.6, 1.2, 4)
    return CRBM.from_parameters(
        weights,
        generator.uniform(-2.5, -1.0, n_neurons).astype(np.float32),
        DReLU(np.full(3, 1.2), np.full(3, 1.5), np.full(3, -0.6), np.full(3, -0.2)),
    )


def sampled(model, n_frames: int, seed: int = 0) -> Spikes:
    """Independent states of a small model, drawn from the exact distribution."""
    p = probabilities(model.rbm_)
    rows = np.random.default_rng(seed).choice(len(p), n_frames, p=p)
    return Spikes.from_dense(all_patterns(model.n_neurons)[rows])


def held_by_quadrature(model, unit: int, value: float) -> np.ndarray:
    """P(v | h_unit = value), from the joint energy integrated over the other units on a grid."""
    rbm = model.rbm_
    patterns = all_patterns(rbm.n_neurons)
    others = np.delete(np.arange(rbm.n_hidden), unit)
    logs = patterns @ rbm.fields.astype(float) + value * (patterns @ rbm.weights[:, unit])
    for k in others:
        potential = rbm.hidden.select(np.array([k])).potential(GRID[:, None])[:, 0]
        inputs = patterns @ rbm.weights[:, k].astype(float)
        exponent = inputs[:, None] * GRID - potential
        top = exponent.max(axis=1, keepdims=True)
        logs += np.log(np.exp(exponent - top).sum(axis=1)) + top[:, 0]
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def probability_given_h(model, hidden) -> np.ndarray:
    return expit(hidden @ model.weights_.T + model.fields_)
