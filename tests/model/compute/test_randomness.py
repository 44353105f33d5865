import numba
import numpy as np
import pytest
from scipy import stats

from napari_crbm.model.compute import uint32
from napari_crbm.model.compute.randomness import stream, subkey, uniform, uniform32


@numba.njit
def combined(a, b):
    return uint32.add(a, b), uint32.multiply(a, b), uint32.exclusive_or(a, b)


@numba.njit
def shifted(a, by):
    return uint32.shift_right(a, by)


@pytest.mark.parametrize("a, b", [(0xFFFFFFFF, 0xFFFFFFFE), (0x80000001, 3), (0, 7)])
def test_words_stay_within_their_width(a, b):
    found = combined(np.uint32(a), np.uint32(b))
    assert found == ((a + b) % 2**32, a * b % 2**32, a ^ b)
    assert shifted(np.uint32(a), np.uint32(15)) == a >> 15


def test_words_of_different_width_are_not_mixed():
    with pytest.raises(numba.TypingError):
        combined(np.uint32(1), np.uint64(1))


@numba.njit
def draws64(key, n):
    return np.array([uniform(key, k) for k in range(n)])


@numba.njit
def draws32(key, n_neurons, n_chains):
    out = np.empty((n_neurons, n_chains), dtype=np.float32)
    for i in range(n_neurons):
        own = subkey(key, i)
        low = np.uint32(own & np.uint64(0xFFFFFFFF))
        high = np.uint32(own >> np.uint64(32))
        for b in range(n_chains):
            out[i, b] = uniform32(low, high, np.uint32(b))
    return out


def test_uniform_numbers_are_uniform():
    draws = draws64(stream(1), 200_000)
    assert draws.min() > 0 and draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


def test_fast_numbers_are_uniform_and_independent_across_neurons_and_chains():
    draws = draws32(stream(2), 3000, 128)
    assert draws.min() > 0 and draws.max() < 1
    assert draws.dtype == np.float32
    assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-3
    centred = draws - 0.5
    n = centred.size
    for a, b in (
        (centred[:, 1:], centred[:, :-1]),
        (centred[1:], centred[:-1]),
        (centred[2:, 3:], centred[:-2, :-3]),
    ):
        assert abs(np.mean(a * b)) < 5 / 12 / np.sqrt(n)
    chain_means = centred.mean(axis=0) * np.sqrt(12 * len(centred))
    neuron_means = centred.mean(axis=1) * np.sqrt(12 * centred.shape[1])
    assert stats.kstest(chain_means, "norm").pvalue > 1e-3
    assert stats.kstest(neuron_means, "norm").pvalue > 1e-3


def test_rare_events_have_the_right_rate():
    draws = draws32(stream(3), 20_000, 100)
    for rate in (0.03, 1e-3, 1e-4):
        count = int((draws < rate).sum())
        assert stats.binomtest(count, draws.size, rate).pvalue > 1e-3


def test_streams_differ_and_repeat():
    keys = {int(stream(seed, use, k)) for seed in range(20) for use in range(3) for k in range(20)}
    assert len(keys) == 20 * 3 * 20
    assert stream(5, 1, 2) == stream(5, 1, 2)
    assert stream(5, 1, 2) != stream(5, 2, 1)


def test_fast_numbers_are_those_of_the_hash_computed_with_python_integers():
    key, mask = stream(9), 2**32 - 1
    low, high = int(key) & mask, int(key) >> 32
    for counter in (0, 1, 2, 77, 2**31, mask):
        x = (counter * 0x9E3779B9 + low) & mask
        x = (x ^ x >> 16) * 0x21F0AAAD & mask
        x = (x ^ high ^ x >> 15) * 0x735A2D97 & mask
        x ^= x >> 15
        found = uniform32(np.uint32(low), np.uint32(high), np.uint32(counter))
        assert found == np.float32((x >> 8) + 0.5) * np.float32(2.0**-24)
