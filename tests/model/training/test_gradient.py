"""Gradients against finite differences of the exact log-likelihood, every parameter."""

import numpy as np
import pytest
from scipy.optimize import brentq

from napari_crbm.model.units.drelu import Moments
from napari_crbm.model.units.drelu.standardised import (
    Standardised,
    direct_gradient,
    in_standard_coordinates,
    relaxed_gamma,
    total_gradient,
)
from tests.conftest import all_patterns

N, M, T = 6, 2, 40
PATTERNS = all_patterns(N).astype(float)


@pytest.fixture
def problem():
    generator = np.random.default_rng(1)
    data = (generator.random((T, N)) < 0.4).astype(float)
    weights = generator.normal(0, 0.8, (N, M))
    fields = generator.normal(0, 0.5, N)
    theta = generator.normal(0, 0.3, M)
    return data, weights, fields, theta, np.array([-0.7, 0.4]), np.array([0.3, -0.4])


def log_likelihood(data, weights, fields, units):
    """Mean log P(v) over the data and P of every pattern, by enumeration."""

    def log_weight(v):
        return v @ fields + units.cumulant(v @ weights).sum(axis=1)

    of_patterns = log_weight(PATTERNS)
    log_z = np.logaddexp.reduce(of_patterns)
    return log_weight(data).mean() - log_z, np.exp(of_patterns - log_z)


def weighted(moments: Moments, probability) -> Moments:
    """Moments whose plain mean over rows is the expectation under ``probability``."""
    factor = (probability * len(probability))[:, None]
    return Moments(moments.plus * factor, moments.minus * factor)


def finite_differences(function, x, step=1e-5):
    return np.array(
        [(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))]
    )


def test_gradient_at_fixed_gamma(problem):
    data, weights, fields, theta, delta, eta = problem
    gamma = np.array([1.7, 0.9])

    def unpack(x):
        w, rest = x[: N * M].reshape(N, M), x[N * M :]
        return w, rest[:N], Standardised(*rest[N:].reshape(4, M))

    def objective(x):
        w, g, units = unpack(x)
        return log_likelihood(data, w, g, units.units())[0]

    x = np.concatenate([weights.ravel(), fields, gamma, theta, delta, eta])
    current = Standardised(gamma, theta, delta, eta)
    _, p = log_likelihood(data, weights, fields, current.units())
    of_data = current.units().moments(data @ weights)
    of_model = current.units().moments(PATTERNS @ weights)
    hidden = in_standard_coordinates(current, direct_gradient(of_data, weighted(of_model, p)))
    by_weights = data.T @ of_data.mean / T - (PATTERNS * p[:, None]).T @ of_model.mean
    by_fields = data.mean(axis=0) - p @ PATTERNS
    analytic = np.concatenate([by_weights.ravel(), by_fields, hidden.ravel()])
    np.testing.assert_allclose(analytic, finite_differences(objective, x), atol=1e-8)


def settled(data, weights, theta_free, delta, eta) -> Standardised:
    """Gamma that gives h unit variance over the data, theta centred on the mean input."""
    theta = theta_free + data.mean(axis=0) @ weights
    gamma = np.empty(M)
    for m in range(M):

        def excess(value, m=m):
            unit = Standardised(np.array([value]), theta[[m]], delta[[m]], eta[[m]])
            found = unit.units().moments(data @ weights[:, [m]])
            return found.square.mean() - found.mean.mean() ** 2 - 1

        gamma[m] = brentq(excess, 0.02, 50, xtol=1e-14, rtol=1e-14)
    return Standardised(gamma, theta, delta, eta)


@pytest.mark.parametrize("mean_hidden", [np.zeros(M), np.array([0.7, -1.3])])
def test_gradient_with_gamma_tied_to_the_data(problem, mean_hidden):
    """Fields and inputs follow the weights, so that weights are learned about both means."""
    data, weights, fields, theta, delta, eta = problem

    def objective(x):
        w, g, rest = x[: N * M].reshape(N, M), x[N * M : N * M + N], x[N * M + N :].reshape(3, M)
        return log_likelihood(data, w, g - w @ mean_hidden, settled(data, w, *rest).units())[0]

    x = np.concatenate([weights.ravel(), fields + weights @ mean_hidden, theta, delta, eta])
    current = settled(data, weights, theta, delta, eta)
    _, p = log_likelihood(data, weights, fields, current.units())
    of_data = current.units().moments(data @ weights)
    of_model = current.units().moments(PATTERNS @ weights)
    gradient = total_gradient(current, of_data, weighted(of_model, p))
    factors = gradient.factors - mean_hidden / T
    values = p[:, None] * (of_model.mean - mean_hidden)
    centre = values.sum(axis=0) - factors.sum(axis=0)
    by_weights = data.T @ factors - PATTERNS.T @ values + np.outer(data.mean(axis=0), centre)
    by_fields = data.mean(axis=0) - p @ PATTERNS
    analytic = np.concatenate(
        [by_weights.ravel(), by_fields, gradient.theta, gradient.delta, gradient.eta]
    )
    np.testing.assert_allclose(analytic, finite_differences(objective, x), atol=1e-8)


def test_gradient_of_eta_needs_delta_where_the_reference_uses_theta(problem):
    data, weights, fields, theta, delta, eta = problem
    current = Standardised(np.array([1.7, 0.9]), theta, delta, eta)
    _, p = log_likelihood(data, weights, fields, current.units())
    of_data = current.units().moments(data @ weights)
    of_model = weighted(current.units().moments(PATTERNS @ weights), p)
    direct = direct_gradient(of_data, of_model)
    right = in_standard_coordinates(current, direct)[3]
    wrong = in_standard_coordinates(current._replace(delta=theta), direct)[3]
    assert np.abs(right - wrong).min() > 1e-2


def test_parametrisations_are_inverse(problem):
    _, _, _, theta, delta, eta = problem
    current = Standardised(np.array([1.7, 0.9]), theta, delta, eta)
    back = Standardised.from_units(current.units())
    np.testing.assert_allclose(np.stack(back), np.stack(current), atol=1e-12)


def test_relaxing_gamma_ends_at_unit_variance(problem):
    data, weights, _, theta, delta, eta = problem
    current = Standardised(np.array([5.0, 5.0]), theta, delta, eta)
    for _ in range(200):
        moments = current.units().moments(data @ weights)
        current = current._replace(gamma=relaxed_gamma(current, moments, 0.5))
    moments = current.units().moments(data @ weights)
    variance = moments.square.mean(axis=0) - moments.mean.mean(axis=0) ** 2
    np.testing.assert_allclose(variance, 1, atol=1e-9)
