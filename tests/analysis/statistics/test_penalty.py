"""The shift of <vh> by the penalty is the one that a converged training leaves."""

import numpy as np

from napari_crbm.analysis.statistics.penalty import penalty_shift
from napari_crbm.model import CRBM, Settings
from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.kernels.weight_update import ACTIVE
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM
from napari_crbm.model.units.drelu.moments import Moments
from napari_crbm.model.units.drelu.standardised import Standardised
from napari_crbm.spikes import Spikes
from tests.conftest import random_model

N, T, L1 = 7, 320, 0.02
UPDATES, DECAY = 1000, 0.95
STATES = Spikes.from_dense((np.arange(2**N)[:, None] >> np.arange(N)) & 1)


def recording() -> Spikes:
    """Neurons with a graded common cause."""
    rng = np.random.default_rng(0)
    drive = rng.uniform(1, 2, N) * rng.gamma(1.0, size=(T, 1)) - 2
    return Spikes.from_dense(rng.random((T, N)) < 1 / (1 + np.exp(-drive)))


def probabilities(rbm: RBM) -> np.ndarray:
    """Probability of each of the 2^N states."""
    log = rbm.log_probability_unnormalised(STATES)
    p = np.exp(log - log.max())
    return p / p.sum()


def converged(spikes: Spikes, roles: np.ndarray) -> RBM:
    """Train with exact expectations over all states instead of chains, to the optimum.

    Units are asymmetric and not bimodal. This is kept, since the optimal bimodality is infinite.
    """
    weights = np.full((N, 1), 0.5, dtype=np.float32)
    mean = spikes.mean_activity
    fields = np.log(mean / (1 - mean)).astype(np.float32)
    active = ActiveSet(weights, np.zeros_like(weights), roles)
    units = Standardised.at_start(weights.T.astype(np.float64) @ mean)
    units.eta[:] = 0.5
    patterns, inputs = STATES.dense().T.astype(np.float64), np.empty((2**N, 1), np.float32)
    squares = {"fields": 0.0, "theta": 0.0}

    def stepped(name, gradient, rate, correction):
        squares[name] = DECAY * squares[name] + (1 - DECAY) * gradient**2
        return rate * gradient / (1e-6 + np.sqrt(squares[name] * correction))

    for update in range(UPDATES):
        rate = 0.05 * 1e-3 ** (update / UPDATES)
        correction = 1 / (1 - DECAY ** (update + 1))
        data_inputs = spikes.dense().astype(np.float32) @ active.dense()
        state_inputs = patterns.T.astype(np.float32) @ active.dense()
        units = units.relaxed(units.units().moments(data_inputs), 0.5)
        drelu = units.units()
        log = fields @ patterns + drelu.cumulant(state_inputs)[:, 0]
        p = np.exp(log - log.max())[:, None]
        p /= p.sum()
        data, model = (drelu.moments(x) for x in (data_inputs, state_inputs))
        # Training takes plain means over chains; here every state counts by its probability.
        model = Moments(*(part * p * 2**N for part in model))
        gradient = units.gradient(data, model)
        moved = stepped("fields", mean - patterns @ p[:, 0], rate, correction)
        fields += moved.astype(np.float32)
        units.theta[:] += units.gamma * stepped("theta", gradient.theta, rate, correction)
        mean_hidden = data.mean.mean(axis=0)
        factors = gradient.factors - mean_hidden / T
        values = (model.mean - mean_hidden * p * 2**N) / 2**N
        rates = (rate, L1, DECAY, correction, 1e-6, 1.0)
        shift = active.step(
            (spikes.by_neuron, factors.astype(np.float32)),
            (STATES.by_neuron, values.astype(np.float32)),
            gradient.theta.astype(np.float32),
            tuple(np.float32(x) for x in rates),
            (mean.astype(np.float32), mean_hidden),
            fields,
            inputs,
        )
        units.shift(shift)
    return RBM.from_parameters(active.dense(), fields, units.units(), n_threads=1)


def test_the_shift_applied_is_the_shift_measured():
    spikes = recording()
    roles = np.full((N, 1), ACTIVE)
    with kernel_threads(1):
        rbm = converged(spikes, roles)
    model = CRBM.from_parameters(
        rbm.weights,
        rbm.fields,
        rbm.hidden,
        settings=Settings(n_hidden=1, l1=L1),
    )
    of_model = STATES.dense().T @ (probabilities(rbm)[:, None] * model.transform(STATES))
    measured = spikes.dense().T @ model.transform(spikes) / T - of_model
    compared = model.weights_ != 0
    assert compared.all() and abs(measured).min() > 0.002
    np.testing.assert_allclose(penalty_shift(model, spikes), measured, rtol=0.02, atol=1e-4)


def test_without_penalty_or_settings_nothing_is_shifted():
    model, spikes = random_model(N, 2), recording()
    assert not penalty_shift(model, spikes).any()
    model.settings_ = Settings(l1=0)
    assert not penalty_shift(model, spikes).any()


def test_zero_weights_are_not_shifted():
    model, spikes = random_model(N, 2), recording()
    model.weights_[:3, 0] = 0
    model.settings_ = Settings(l1=0.01)
    shift = penalty_shift(model, spikes)
    assert not shift[:3, 0].any() and shift[3:].all()
