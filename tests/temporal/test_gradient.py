"""Gradient of the couplings, and conditionals of chains, against exact enumeration."""

import itertools

import numpy as np
import pytest

from napari_crbm.model import DReLU
from napari_crbm.model.compute.randomness import stream, subkey
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.chains import DrivenChains
from napari_crbm.temporal.couplings import Ascent, WhitePast, lengths, shrunk
from napari_crbm.temporal.jumps import Jumps
from napari_crbm.temporal.lags import filtered_past, lag_functions

N, M, T, LAGS, FUNCTIONS = 6, 2, 30, 3, 2
STATES = np.array(list(itertools.product([0, 1], repeat=N)), dtype=np.uint8)


@pytest.fixture(scope="module")
def tiny():
    """An RBM, recorded frames, and the white past of the hidden units."""
    generator = np.random.default_rng(0)
    units = DReLU(
        np.array([0.9, 1.2]), np.array([1.1, 0.8]), np.array([-0.6, 0.3]), np.array([0.2, -0.5])
    )
    weights = generator.normal(0, 0.9, (N, M))
    rbm = RBM.from_parameters(weights, generator.normal(-0.6, 0.4, N), units)
    spikes = Spikes.from_dense(generator.random((T, N)) < 0.35)
    mean_h = rbm.mean_h_from_v(spikes)
    activity = (mean_h - mean_h.mean(0)) / mean_h.std(0)
    past = filtered_past(activity, lag_functions(LAGS, FUNCTIONS))[LAGS:]
    return rbm, spikes.select_frames(np.arange(LAGS, T)), WhitePast.of(past)


def exact(rbm, drive):
    """Log Z and E[h | drive] of every frame, by the sum over all states of the neurons."""
    all_states = Spikes.from_dense(STATES)
    inputs = rbm.inputs_h_from_v(all_states).astype(np.float64)
    log_z, mean = [], []
    for shift in drive.astype(np.float64):
        log_p = STATES @ rbm.fields.astype(np.float64)
        log_p = log_p + rbm.hidden.cumulant(inputs + shift).sum(axis=1)
        top = log_p.max()
        p = np.exp(log_p - top)
        log_z.append(top + np.log(p.sum()))
        mean.append((p / p.sum()) @ rbm.hidden.moments(inputs + shift).mean)
    return np.array(log_z), np.array(mean)


def log_likelihood(rbm, spikes, past, white, shift):
    flat = past.courses.reshape(len(past.courses), -1).astype(np.float64)
    drive = flat @ white.reshape(M, -1).T + shift
    inputs = rbm.inputs_h_from_v(spikes) + drive
    own = spikes.dense() @ rbm.fields.astype(np.float64)
    return float((own + rbm.hidden.cumulant(inputs).sum(axis=1) - exact(rbm, drive)[0]).mean())


def test_the_gradient_is_that_of_the_exact_log_likelihood(tiny):
    rbm, spikes, past = tiny
    generator = np.random.default_rng(1)
    white, shift = generator.normal(0, 0.4, (M, M, FUNCTIONS)), generator.normal(0, 0.3, M)
    drive = past.drive(white, shift)
    recorded = rbm.hidden.mean(rbm.inputs_h_from_v(spikes) + drive)
    found = past.gradient(recorded - exact(rbm, drive)[1].astype(np.float32))
    step = 1e-4
    for place in np.ndindex(white.shape):
        moved = [white.copy(), white.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        up, down = (log_likelihood(rbm, spikes, past, each, shift) for each in moved)
        assert found[0][place] == pytest.approx((up - down) / (2 * step), abs=2e-6)
    for unit in range(M):
        change = step * (np.arange(M) == unit)
        up = log_likelihood(rbm, spikes, past, white, shift + change)
        down = log_likelihood(rbm, spikes, past, white, shift - change)
        assert found[1][unit] == pytest.approx((up - down) / (2 * step), abs=2e-6)


def many_chains(rbm, spikes, past, copies):
    """Chains of four frames with different drives, each many times."""
    generator = np.random.default_rng(3)
    white = generator.normal(0, 1.0, (M, M, FUNCTIONS))
    drive = past.drive(white, np.zeros(M))[[0, 5, 9, 14]]
    start = generator.integers(spikes.n_frames, size=4 * copies)
    return DrivenChains(rbm, spikes, start), np.repeat(drive, copies, axis=0), drive


@pytest.mark.parametrize("with_exchange", [True, False])
def test_chains_have_the_exact_conditional_means(tiny, with_exchange):
    rbm, spikes, past = tiny
    copies, steps = 1500, 30
    chains, drives, distinct = many_chains(rbm, spikes, past, copies)
    total = np.zeros((4, M))
    with kernel_threads():
        for step in range(steps + 10):
            if with_exchange:
                share = chains.exchange(drives, np.random.default_rng([4, step]))
                assert 0.1 < share <= 1
            chains.advance(drives, stream(5, step))
            if step >= 10:
                total += chains.means(drives).reshape(4, copies, M).mean(axis=1)
    assert total / steps == pytest.approx(exact(rbm, distinct)[1], abs=0.02)


def test_exchanges_alone_keep_the_right_distribution(tiny):
    rbm, spikes, past = tiny
    chains, drives, distinct = many_chains(rbm, spikes, past, 3000)
    with kernel_threads():
        for step in range(20):
            chains.advance(drives, stream(6, step))
        for step in range(20):
            chains.exchange(drives, np.random.default_rng([7, step]))
        found = chains.means(drives).reshape(4, 3000, M).mean(axis=1)
    assert sorted(chains.place) == list(range(len(chains)))
    assert found == pytest.approx(exact(rbm, distinct)[1], abs=0.05)


def test_without_couplings_chains_are_those_of_the_model_without_time(tiny):
    rbm, spikes, past = tiny
    drive = past.drive(np.zeros((M, M, FUNCTIONS)), np.zeros(M))
    assert not drive.any()
    frames = np.arange(spikes.n_frames)
    chains = DrivenChains(rbm, spikes, frames)
    bits, inputs = chains.bits[0].copy(), chains.inputs.copy()
    key = stream(8)
    with kernel_threads():
        chains.advance(drive, key)
        own = np.uint64(subkey(key, 0))
        efficient(rbm.weights).gibbs(rbm.fields, rbm.hidden, inputs, bits, own, 1)
    assert np.array_equal(bits, chains.bits[0])
    assert np.array_equal(inputs, chains.inputs)
    assert np.array_equal(chains.means(drive), rbm.hidden.mean(chains.inputs))


def test_the_white_past_has_unit_variance_and_no_correlation(tiny):
    _, _, past = tiny
    for unit in range(M):
        own = past.courses[:, unit].astype(float)
        assert own.T @ own / len(own) == pytest.approx(np.eye(FUNCTIONS), abs=0.15)


def test_couplings_of_the_past_itself_give_the_same_drive(tiny):
    _, _, past = tiny
    white = np.random.default_rng(9).normal(0, 1, (M, M, FUNCTIONS))
    plain = np.einsum("tnk,nkb->tbn", past.courses, np.linalg.inv(past.whitening))
    drive = np.einsum("bmn,tbn->tm", past.couplings(white), plain)
    assert past.drive(white, np.zeros(M)) == pytest.approx(drive, abs=1e-4)


def test_shrinking_removes_short_pairs_and_spares_the_own_past():
    white = np.zeros((3, 3, 2))
    white[0, 1] = (3.0, 4.0)
    white[1, 2] = (0.3, 0.4)
    white[2, 2] = (0.1, 0.0)
    less = shrunk(white, 1.0)
    assert less[0, 1] == pytest.approx([2.4, 3.2])
    assert not less[1, 2].any()
    assert less[2, 2] == pytest.approx([0.1, 0.0])
    alone = shrunk(white, np.inf)
    assert not lengths(alone).any() and alone[2, 2, 0] == 0.1


def test_momentum_goes_beyond_the_last_step():
    ascent = Ascent.at_zero(1, 1)
    gradient = (np.ones((1, 1, 1)), np.ones(1))
    ascent.move(gradient, 0.5, 0.0)
    assert ascent.white[0, 0, 0] == 0.5
    ahead = ascent.ahead()[0][0, 0, 0]
    assert ahead > 0.5
    ascent.move(gradient, 0.5, 0.0)
    assert ascent.white[0, 0, 0] == pytest.approx(ahead + 0.5)


def test_functions_of_the_lag_cover_all_lags():
    functions = lag_functions(16, 3)
    assert functions.sum(axis=1) == pytest.approx(np.ones(3))
    assert functions[0].argmax() == 0 and functions[2].argmax() == 15
    assert (functions.sum(axis=0) > 0).all()
    assert lag_functions(2, 5).shape == (2, 2)
    assert lag_functions(1, 3).tolist() == [[1.0]]


def test_the_past_of_a_frame_holds_no_later_frames():
    activity = np.random.default_rng(0).normal(size=(40, 2))
    functions = lag_functions(4, 2)
    before = filtered_past(activity, functions)
    activity[20:] = 0
    assert np.array_equal(filtered_past(activity, functions)[:21], before[:21])
    expected = sum(functions[1, lag - 1] * activity[10 - lag] for lag in range(1, 5))
    assert before[10, 1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("drive_of_unit", [0.0, -1.0, 1.0])
def test_jumps_alone_sample_the_hidden_units_with_neurons_summed_over(tiny, drive_of_unit):
    rbm, _, _ = tiny
    n_chains = 4000
    # Jumps alone reach only values like those that they were made of.
    wide = np.linspace(-5, 6, 2000, dtype=np.float32)[:, None] * np.ones(M, dtype=np.float32)
    jumps = Jumps.of(rbm, wide)
    drive = np.tile(np.float32([drive_of_unit, 0.5]), (n_chains, 1))
    hidden = rbm.hidden.sample(np.zeros((n_chains, M), dtype=np.float32), stream(10))
    with kernel_threads():
        for step in range(300):
            jumps.move(hidden, drive, rbm.fields, stream(11, step))
    # E[h] from the sum over all states of the neurons.
    expected = exact(rbm, drive[:1])[1][0]
    assert hidden.mean(axis=0) == pytest.approx(expected, abs=0.06)
    states = Spikes.from_dense(STATES)
    inputs = rbm.inputs_h_from_v(states).astype(np.float64) + drive[0]
    log_p = STATES @ rbm.fields.astype(np.float64) + rbm.hidden.cumulant(inputs).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    square = (p / p.sum()) @ rbm.hidden.moments(inputs).square
    assert (hidden.astype(float) ** 2).mean(axis=0) == pytest.approx(square, rel=0.06)
