import numpy as np
import pytest
from scipy import integrate

from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model


def exact_log_probability(model: CRBM) -> np.ndarray:
    """log P of every pattern, from quadrature over each hidden unit."""
    patterns = all_patterns(model.n_neurons)
    grid = np.linspace(-60, 60, 240_001)
    log_p = patterns @ model.fields_.astype(float)
    inputs = patterns @ model.weights_.astype(float)
    potential = model.hidden_.potential(np.repeat(grid[:, None], model.n_assemblies, 1))
    for m in range(model.n_assemblies):
        for k, value in enumerate(inputs[:, m]):
            exponent = value * grid - potential[:, m]
            top = exponent.max()
            log_p[k] += np.log(integrate.trapezoid(np.exp(exponent - top), grid)) + top
    return log_p - np.logaddexp.reduce(log_p)


def test_free_energy_is_the_marginal_of_the_energy(tiny_model):
    patterns = Spikes.from_dense(all_patterns(6))
    log_p = tiny_model.log_probability_unnormalised(patterns)
    np.testing.assert_allclose(
        log_p - np.logaddexp.reduce(log_p), exact_log_probability(tiny_model), atol=1e-6
    )


def test_energy_is_its_definition(tiny_model):
    dense = all_patterns(6)
    h = np.random.default_rng(0).normal(size=(len(dense), 2))
    expected = (
        -dense @ tiny_model.fields_
        + tiny_model.hidden_.potential(h).sum(axis=1)
        - np.einsum("ti,im,tm->t", dense, tiny_model.weights_, h)
    )
    np.testing.assert_allclose(tiny_model.energy(Spikes.from_dense(dense), h), expected, atol=1e-5)


def test_transform_is_the_mean_hidden_activity(tiny_model):
    dense = all_patterns(6)
    expected = tiny_model.hidden_.moments(dense @ tiny_model.weights_).mean
    np.testing.assert_allclose(tiny_model.transform(Spikes.from_dense(dense)), expected, atol=1e-5)


def test_reconstruction_applies_both_conditionals(tiny_model):
    spikes = Spikes.from_dense(all_patterns(6))
    (block,) = tiny_model.reconstruct(spikes)
    drive = tiny_model.transform(spikes) @ tiny_model.weights_.T + tiny_model.fields_
    np.testing.assert_allclose(block, 1 / (1 + np.exp(-drive)), atol=1e-6)


def test_pseudo_likelihood_is_exact_when_every_neuron_is_visited(tiny_model):
    dense = all_patterns(6)[[3, 17, 42, 60, 5]]
    log_p = dict(zip(map(tuple, all_patterns(6)), exact_log_probability(tiny_model), strict=True))
    total = 0.0
    for row in dense:
        for i in range(6):
            flipped = row.copy()
            flipped[i] = 1 - flipped[i]
            total += -np.logaddexp(0, log_p[tuple(flipped)] - log_p[tuple(row)])
    expected = total / dense.size
    found = tiny_model.pseudo_likelihood(Spikes.from_dense(dense), neurons_per_frame=400)
    assert found == pytest.approx(expected, abs=1e-6)


def test_pseudo_likelihood_is_unbiased_when_neurons_are_drawn():
    model = random_model(40, 3, seed=2, scale=0.3)
    spikes = Spikes.from_dense(np.random.default_rng(0).random((50, 40)) < 0.2)
    full = model.pseudo_likelihood(spikes, neurons_per_frame=10_000)
    draws = [
        model.pseudo_likelihood(spikes, neurons_per_frame=8, random_state=k) for k in range(40)
    ]
    assert np.mean(draws) == pytest.approx(full, abs=4 * np.std(draws) / np.sqrt(len(draws)))


def test_standardising_changes_units_but_not_the_distribution():
    model = random_model(8, 3, seed=3)
    spikes = Spikes.from_dense(np.random.default_rng(1).random((500, 8)) < 0.4)
    standard = model.standardised(spikes)
    energies = model.free_energy(spikes), standard.free_energy(spikes)
    assert np.ptp(energies[0] - energies[1]) < 1e-5
    with kernel_threads():
        moments = standard.hidden_.moments(standard.inputs_h_from_v(spikes))
    variance = moments.square.mean(axis=0) - moments.mean.mean(axis=0) ** 2
    np.testing.assert_allclose(variance, 1, atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_members_have_positive_weights_beside_larger_ones_of_rare_neurons(sign):
    """The cubes of the weights alone, 30 against -192, would mirror the unit."""
    generator = np.random.default_rng(0)
    rates = np.r_[np.full(30, 0.05), np.full(3, 0.001), 0.7]
    spikes = Spikes.from_dense(generator.random((4000, 34)) < rates)
    weights = np.r_[np.full(30, 1.0), np.full(3, -4.0), 0.5][:, None]
    one = np.ones(1)
    model = CRBM.from_parameters(
        sign * weights, np.log(rates / (1 - rates)), DReLU(one, 2 * one, 0 * one, 0 * one)
    )
    standard = model.standardised(spikes)
    assert (standard.weights_[:30] > 0).all() and (standard.weights_[30:33] < 0).all()
    energies = model.free_energy(spikes), standard.free_energy(spikes)
    assert np.ptp(energies[0] - energies[1]) < 1e-4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(fields=np.zeros(5)), "Fields have shape"),
        (dict(weights=np.full((6, 2), np.nan)), "not finite"),
        (dict(weights=np.zeros((6, 0))), "Weights must be"),
        (dict(weights=np.zeros((6, 3))), "3 values each"),
    ],
)
def test_impossible_parameters_are_refused(tiny_model, change, words):
    arguments = dict(
        weights=tiny_model.weights_, fields=tiny_model.fields_, hidden=tiny_model.hidden_
    )
    with pytest.raises(ModelError, match=words):
        CRBM.from_parameters(**(arguments | change))


def test_negative_stiffness_is_refused(tiny_model):
    hidden = tiny_model.hidden_._replace(gamma_plus=np.array([1.0, -1.0]))
    with pytest.raises(ModelError, match="must be positive"):
        CRBM.from_parameters(tiny_model.weights_, tiny_model.fields_, hidden)


def test_another_recording_is_refused(tiny_model):
    with pytest.raises(ModelError, match=r"6 neurons, this recording has\s+7"):
        tiny_model.transform(Spikes.from_dense(np.zeros((3, 7))))


def test_an_untrained_model_says_so():
    with pytest.raises(ModelError, match="call fit first"):
        CRBM(5).transform(Spikes.from_dense(np.zeros((3, 7))))
