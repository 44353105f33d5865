import numpy as np
import pytest

from napari_crbm.model import kernels
from napari_crbm.model.randomness import stream
from napari_crbm.model.sampling import bits_from_dense, dense_from_bits
from napari_crbm.model.threads import available_threads, kernel_threads
from napari_crbm.spikes import Spikes

N, M, B = 700, 13, 70


@pytest.fixture
def setup():
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 0.2, (N, M)).astype(np.float32)
    fields = generator.normal(-3, 0.5, N).astype(np.float32)
    hidden = np.stack([np.full(M, 1.5), np.full(M, 0.8), np.full(M, 0.3), np.full(M, -0.2)])
    dense = generator.random((B, N)) < 0.05
    return weights, fields, hidden, dense


def test_bits_round_trip(setup):
    dense = setup[3]
    assert np.array_equal(dense_from_bits(bits_from_dense(dense), B), dense)


def test_projections_agree_with_the_dense_product(setup):
    weights, _, _, dense = setup
    expected = dense.astype(np.float64) @ weights
    spikes = Spikes.from_dense(dense)
    found = np.empty((B, M), dtype=np.float32)
    with kernel_threads():
        kernels.project_frames(weights, *spikes.by_frame, np.arange(B), found)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        kernels.project_bits(weights, bits_from_dense(dense), kernels.lane_bounds(N), found)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_frames_to_bits_and_correlate(setup):
    dense = setup[3]
    spikes = Spikes.from_dense(dense)
    frames = np.array([5, 3, 64, 69, 0])
    bits = np.ones((N, 1), dtype=np.uint64)
    kernels.frames_to_bits(*spikes.by_frame, frames, bits)
    assert np.array_equal(dense_from_bits(bits, 5), dense[frames])
    values = np.random.default_rng(1).normal(size=(5, M)).astype(np.float32)
    out = np.empty((N, M), dtype=np.float32)
    kernels.correlate(bits, values, out)
    np.testing.assert_allclose(out, dense[frames].T.astype(float) @ values, atol=1e-5)


def test_visible_units_are_drawn_with_their_conditional_probability(setup):
    """Hidden units are pinned by huge stiffness, so P(v | h) is known."""
    weights, fields, _, _ = setup
    target = np.linspace(-2, 2, M)
    stiff = 1e8
    hidden = np.stack([np.full(M, stiff), np.full(M, stiff), -stiff * target, stiff * target])
    n_chains = 2000
    inputs = np.zeros((n_chains, M), dtype=np.float32)
    bits = np.zeros((N, (n_chains + 63) // 64), dtype=np.uint64)
    with kernel_threads():
        kernels.gibbs(weights, fields, hidden, inputs, bits, kernels.lane_bounds(N), stream(0), 1)
    p = 1 / (1 + np.exp(-(weights.astype(np.float64) @ target + fields)))
    z = (dense_from_bits(bits, n_chains).mean(axis=0) - p) / np.sqrt(p * (1 - p) / n_chains)
    assert np.abs(z).max() < 4.5
    assert z.std() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(inputs, dense_from_bits(bits, n_chains) @ weights, atol=1e-4)


def run_gibbs(setup, n_threads):
    weights, fields, hidden, _ = setup
    inputs = np.zeros((B, M), dtype=np.float32)
    bits = np.zeros((N, 2), dtype=np.uint64)
    with kernel_threads(n_threads):
        kernels.gibbs(weights, fields, hidden, inputs, bits, kernels.lane_bounds(N), stream(1), 7)
    return inputs, bits


@pytest.mark.skipif(available_threads() < 2, reason="needs two cores")
def test_results_do_not_depend_on_the_number_of_threads(setup):
    one, many = run_gibbs(setup, 1), run_gibbs(setup, available_threads())
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_weight_update_is_a_proximal_rmsprop_step(setup):
    weights, _, _, dense = setup
    generator = np.random.default_rng(2)
    chains = generator.random((B, N)) < 0.05
    data_values = generator.normal(0, 0.02, (B, M)).astype(np.float32)
    chain_values = generator.normal(0, 0.02, (B, M)).astype(np.float32)
    mean = generator.uniform(0, 0.1, N).astype(np.float32)
    centre = generator.normal(0, 0.1, M).astype(np.float32)
    rate, l1, decay, correction, epsilon, clip = 0.05, 0.02, 0.9, 10.0, 1e-6, 0.03
    gradient = np.clip(
        dense.T @ data_values - chains.T @ chain_values + np.outer(mean, centre), -clip, clip
    )
    moment = (1 - decay) * gradient**2
    step = rate / (epsilon + np.sqrt(correction * moment))
    moved = weights + step * gradient
    supported = generator.random((N, M)) < 0.3
    share = np.where(supported, kernels.SUPPORTED_SHARE, 1)
    expected = np.sign(moved) * np.maximum(np.abs(moved) - step * share * l1, 0)

    updated, second = weights.copy(), np.zeros_like(weights)
    inputs, mean_inputs = np.empty((B, M), dtype=np.float32), np.empty(M)
    with kernel_threads():
        kernels.update_weights(
            updated,
            second,
            supported,
            bits_from_dense(dense),
            data_values,
            bits_from_dense(chains),
            chain_values,
            mean,
            centre,
            np.array([rate, l1, decay, correction, epsilon, clip], dtype=np.float32),
            kernels.lane_bounds(N),
            inputs,
            mean_inputs,
        )
    np.testing.assert_allclose(second, moment, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(updated, expected, rtol=1e-3, atol=2e-4)
    zero = updated == 0
    assert zero[~supported].mean() > 0.05, "shrinkage leaves exact zeros"
    assert zero[supported].mean() < 0.5 * zero[~supported].mean()
    np.testing.assert_allclose(inputs, chains @ updated, atol=1e-4)
    np.testing.assert_allclose(mean_inputs, mean @ updated, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_neurons", [1, 63, 64, 1000, 44_055])
def test_lanes_cover_all_neurons_once(n_neurons):
    bounds = kernels.lane_bounds(n_neurons)
    assert bounds[0] == 0 and bounds[-1] == n_neurons
    assert np.all(np.diff(bounds) > 0) and len(bounds) <= kernels.MAX_LANES + 1
