from functools import partial

import numpy as np
import pytest
from scipy import special

from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.kernels import fast_math
from napari_crbm.model.compute.kernels.bits import correlate, frames_to_bits
from napari_crbm.model.compute.kernels.gibbs import subtract_expected
from napari_crbm.model.compute.kernels.lanes import MAX_LANES, lane_bounds
from napari_crbm.model.compute.kernels.weight_update import (
    ACTIVE,
    SILENT,
)
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import available_threads, kernel_threads
from napari_crbm.model.compute.weights import (
    SPARSE_BELOW,
    DenseWeights,
    SparseWeights,
    efficient,
)
from napari_crbm.model.training import weight_selection
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes

N, M, B = 700, 13, 70
UNITS = DReLU(np.full(M, 1.5), np.full(M, 0.8), np.full(M, 0.3), np.full(M, -0.2))


@pytest.fixture(params=[0.05, 0.9], ids=["sparse", "dense"])
def weights(request):
    generator = np.random.default_rng(0)
    values = generator.normal(0, 0.2, (N, M)).astype(np.float32)
    values[generator.random((N, M)) > request.param] = 0
    return values


@pytest.fixture
def fields():
    return np.random.default_rng(1).normal(-3, 0.5, N).astype(np.float32)


@pytest.fixture
def raster():
    return np.random.default_rng(2).random((B, N)) < 0.05


def test_bits_round_trip(raster):
    assert np.array_equal(dense_from_bits(bits_from_dense(raster), B), raster)


def test_the_form_follows_the_density(weights):
    expected = SparseWeights if np.mean(weights != 0) < SPARSE_BELOW else DenseWeights
    assert isinstance(efficient(weights), expected)


def test_projections_agree_with_the_dense_product(weights, raster):
    expected = raster.astype(np.float64) @ weights
    form = efficient(weights)
    found = np.empty((B, M), dtype=np.float32)
    with kernel_threads():
        form.project_frames(Spikes.from_dense(raster), np.arange(B), found)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        form.project_bits(bits_from_dense(raster), found)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_frames_to_bits_and_correlate(raster):
    spikes = Spikes.from_dense(raster)
    frames = np.array([5, 3, 64, 69, 0])
    bits = np.ones((N, 1), dtype=np.uint64)
    frames_to_bits(*spikes.by_frame, frames, bits)
    assert np.array_equal(dense_from_bits(bits, 5), raster[frames])
    values = np.random.default_rng(1).normal(size=(5, M)).astype(np.float32)
    out = np.empty((N, M), dtype=np.float32)
    correlate(bits, values, out)
    np.testing.assert_allclose(out, raster[frames].T.astype(float) @ values, atol=1e-5)


@pytest.mark.parametrize("n_chains", [1, 63, 64, 65, 2000])
def test_visible_units_are_drawn_with_their_conditional_probability(weights, fields, n_chains):
    """Hidden units are pinned by huge stiffness, so P(v | h) is known."""
    target = np.linspace(-2, 2, M)
    stiff = np.full(M, 1e8)
    units = DReLU(stiff, stiff, -stiff * target, stiff * target)
    inputs = np.zeros((n_chains, M), dtype=np.float32)
    bits = np.zeros((N, (n_chains + 63) // 64), dtype=np.uint64)
    with kernel_threads():
        efficient(weights).gibbs(fields, units, inputs, bits, stream(0), 1)
    drawn = dense_from_bits(bits, n_chains)
    p = 1 / (1 + np.exp(-(weights.astype(np.float64) @ target + fields)))
    z = (drawn.sum(axis=0) - n_chains * p) / np.sqrt(n_chains * p * (1 - p))
    assert abs(z.mean()) < 4.5 / np.sqrt(N)
    if n_chains > 1000:
        assert np.abs(z).max() < 4.5
        assert z.std() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(inputs, drawn @ weights, atol=1e-4)
    assert not (bits[:, -1] >> np.uint64((n_chains - 1) % 64) >> np.uint64(1)).any(), "no chain B"


def test_both_forms_draw_the_same(weights, fields, raster):
    """Rounding differs, so hardly any draw does; hidden units are the same to rounding."""
    results = []
    for form in (DenseWeights(weights), SparseWeights.where(weights, weights != 0)):
        inputs = np.empty((B, M), dtype=np.float32)
        bits = bits_from_dense(raster)
        with kernel_threads():
            form.project_bits(bits, inputs)
            form.gibbs(fields, UNITS, inputs, bits, stream(4), 1)
        results.append(dense_from_bits(bits, B))
    assert np.mean(results[0] != results[1]) < 1e-4


def run_gibbs(weights, fields, n_threads):
    inputs = np.zeros((B, M), dtype=np.float32)
    bits = np.zeros((N, 2), dtype=np.uint64)
    with kernel_threads(n_threads):
        efficient(weights).gibbs(fields, UNITS, inputs, bits, stream(1), 7)
    return inputs, bits


@pytest.mark.skipif(available_threads() < 2, reason="needs two cores")
def test_results_do_not_depend_on_the_number_of_threads(weights, fields):
    one, many = run_gibbs(weights, fields, 1), run_gibbs(weights, fields, available_threads())
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_no_steps_change_nothing(weights, fields, raster):
    inputs, bits = np.ones((B, M), dtype=np.float32), bits_from_dense(raster)
    with kernel_threads():
        efficient(weights).gibbs(fields, UNITS, inputs, bits, stream(1), 0)
    assert np.all(inputs == 1) and np.array_equal(bits, bits_from_dense(raster))


def test_weight_update_is_a_proximal_rmsprop_step(weights, fields, raster):
    generator = np.random.default_rng(2)
    chains = generator.random((B, N)) < 0.05
    data_values = generator.normal(0, 0.02, (B, M)).astype(np.float32)
    chain_values = generator.normal(0, 0.02, (B, M)).astype(np.float32)
    mean = generator.uniform(0, 0.1, N).astype(np.float32)
    centre, mean_hidden = generator.normal(0, 0.1, M).astype(np.float32), generator.normal(0, 2, M)
    rate, l1, decay, correction, epsilon, clip = rates = (0.05, 0.02, 0.9, 10.0, 1e-6, 0.03)
    roles = np.where(weights != 0, ACTIVE, SILENT)
    gradient = np.clip(
        raster.T @ data_values - chains.T @ chain_values + np.outer(mean, centre), -clip, clip
    )
    moment = (1 - decay) * gradient**2
    step = rate / (epsilon + np.sqrt(correction * moment))
    moved = weights + step * gradient
    expected = np.sign(moved) * np.maximum(np.abs(moved) - step * l1, 0)
    expected[roles == SILENT] = 0

    active = ActiveSet(weights.copy(), np.zeros_like(weights), roles)
    assert type(active.form) is type(efficient(weights))
    inputs, before = np.empty((B, M), dtype=np.float32), fields.astype(np.float64)
    with kernel_threads():
        shift = active.step(
            (bits_from_dense(raster), data_values),
            (bits_from_dense(chains), chain_values),
            centre,
            tuple(np.float32(value) for value in rates),
            (mean, mean_hidden),
            fields,
            inputs,
        )
    updated, second = active.dense(), active.second_moment()
    moving = roles != SILENT
    np.testing.assert_allclose(second[moving], moment[moving], rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(updated, expected, rtol=1e-3, atol=2e-4)
    assert (updated == 0)[moving].mean() > 0.05, "shrinkage leaves exact zeros"
    assert active.largest() == np.abs(updated).max()
    np.testing.assert_allclose(inputs, chains @ updated, atol=1e-4)
    change = updated.astype(np.float64) - weights
    np.testing.assert_allclose(shift, mean @ change, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fields, before - change @ mean_hidden, atol=1e-5)


# Role, weight, pull, and whether it takes part. The penalty is 0.01; weights join at 0.012.
JUDGED = [
    (SILENT, 0.0, 0.013, True),
    (SILENT, 0.0, -0.013, True),
    (SILENT, 0.0, 0.011, False),
    (ACTIVE, 0.0, 0.011, True),
    (ACTIVE, 0.0, -0.009, False),
    (ACTIVE, 0.5, 0.002, True),
    (ACTIVE, -0.001, 0.002, True),
]


def test_revision_silences_weights_that_the_penalty_holds_at_zero():
    roles, weights, pull, takes_part = (np.array([row]) for row in zip(*JUDGED, strict=True))
    weights, roles = weights.astype(np.float32), roles.astype(np.uint8)
    limits = weight_selection.Limits(np.float32([0.012]), np.float32([0.01]))
    rule = partial(weight_selection.select, pull, limits)
    active = ActiveSet(weights.copy(), np.zeros_like(weights), roles.copy())
    active.revise(rule)
    assert (active.roles == ACTIVE).tolist() == takes_part.tolist()
    assert np.array_equal(active.dense(), weights)


@pytest.mark.parametrize("n_hidden", [20, 400])
def test_one_neuron_in_a_hundred_gets_a_weight_by_chance(n_hidden):
    n, error = 20_000, 0.002
    generator = np.random.default_rng(n_hidden)
    variance = generator.uniform(0.01, 0.2, n).astype(np.float32)
    spread = error * np.sqrt(variance / variance.mean())
    noise = generator.standard_normal((n, n_hidden), dtype=np.float32) * spread[:, None]
    weights, roles = np.zeros((n, n_hidden), np.float32), np.full((n, n_hidden), SILENT)
    limits = weight_selection.limits_of(3 * error, variance, error, n_hidden)
    new = weight_selection.select(noise, limits, slice(None), weights, roles)
    # Their number is Poisson: 200, give or take 14.
    assert 150 < np.count_nonzero(new == ACTIVE) < 250


def test_no_weight_joins_below_the_penalty():
    limits = weight_selection.limits_of(0.02, np.ones(3, np.float32), 0.001, 200)
    assert (limits.join == np.float32(0.02)).all() and (limits.leave == np.float32(0.02)).all()


def test_expected_correlation_is_the_mean_of_the_drawn_one(weights, fields):
    hidden = np.random.default_rng(3).normal(size=(B, M)).astype(np.float32)
    out = np.ones((N, M), dtype=np.float32)
    with kernel_threads():
        subtract_expected(
            weights, fields, np.ascontiguousarray(hidden.T), hidden, lane_bounds(N), out
        )
    p = 1 / (1 + np.exp(-(hidden.astype(float) @ weights.T + fields)))
    np.testing.assert_allclose(out, 1 - p.T @ hidden / B, atol=1e-5)


def test_elementary_functions():
    x = np.linspace(-600, 600, 999)
    np.testing.assert_allclose([fast_math.exp_64(v) for v in x], np.exp(x), rtol=3e-14)
    y = np.exp(np.linspace(-300, 300, 999))
    np.testing.assert_allclose([fast_math.log_64(v) for v in y], np.log(y), rtol=1e-15)
    t = np.linspace(-100, 100, 999, dtype=np.float32)
    np.testing.assert_allclose([fast_math.exp2_32(v) for v in t], 2.0**t, rtol=3e-7)
    y = np.exp(np.linspace(-60, 60, 999)).astype(np.float32)
    found = [fast_math.log_32(v) for v in y]
    np.testing.assert_allclose(found, np.log(y.astype(float)), rtol=3e-7, atol=3e-8)
    x = np.geomspace(1e-3, 1e3, 500).astype(np.float32)
    exact = np.sqrt(np.pi / 2) * special.erfcx(x.astype(float) / np.sqrt(2))
    np.testing.assert_allclose([fast_math.mills_32(v) for v in x], exact, rtol=5e-7)


@pytest.mark.parametrize("n_neurons", [1, 63, 64, 1000, 44_055])
def test_lanes_cover_all_neurons_once(n_neurons):
    bounds = lane_bounds(n_neurons)
    assert bounds[0] == 0 and bounds[-1] == n_neurons
    assert np.all(np.diff(bounds) > 0) and len(bounds) <= MAX_LANES + 1
