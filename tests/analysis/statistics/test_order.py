"""An order in time is not claimed of courses without one, drifting ones included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from napari_crbm.analysis.statistics.lagged import ORDERED, SIGNIFICANT
from napari_crbm.analysis.statistics.order import temporal_order

N_FRAMES, N_COURSES = 1200, 8
FRAMES = np.arange(N_FRAMES)
HELD_OUT = np.isin(FRAMES * 10 // N_FRAMES, (3, 6, 9))
PARTS = (FRAMES[~HELD_OUT], FRAMES[HELD_OUT])


def noise(rng):
    return rng.normal(size=(N_FRAMES, N_COURSES))


def lasting(rng, memory=0.9):
    return lfilter([1.0], [1, -memory], noise(rng), axis=0)


def drift(rng):
    """Slow enough to be alike in neighbouring blocks, too quick for a linear trend."""
    wide = gaussian_filter1d(rng.normal(size=(N_FRAMES + 600, N_COURSES)), N_FRAMES / 20, axis=0)
    return wide[300:-300] / wide.std() + 0.05 * noise(rng)


def common(rng):
    return lasting(rng) + 2 * lasting(rng)[:, :1] * rng.uniform(0.2, 2, N_COURSES)


def claims(make: Callable, n_sets: int) -> int:
    found = 0
    for seed in range(n_sets):
        courses = make(np.random.default_rng(seed))
        order = temporal_order(
            *(courses[part] for part in PARTS), np.array([1, 4, 16]), PARTS, n_surrogates=99
        )
        best = np.argmax(order.r)
        found += order.r[best] > ORDERED and order.p[best] <= SIGNIFICANT
    return found


@pytest.mark.parametrize("make", [noise, lasting, drift, common])
def test_courses_without_an_order_are_seldom_said_to_have_one(make):
    assert claims(make, 40) <= 2


def test_an_order_is_found_below_a_drift():
    def chain(rng):
        out = lasting(rng, 0.7)
        for course in range(1, N_COURSES):
            out[2:, course] += 0.6 * out[:-2, course - 1]
        return out + drift(rng)

    assert claims(chain, 10) >= 9


def test_p_is_that_of_the_largest_of_all_lags():
    """The p of one lag counts how often any lag of a surrogate reaches it."""
    rng = np.random.default_rng(0)
    courses = noise(rng)
    parts = [courses[part] for part in PARTS]
    alone = temporal_order(*parts, np.array([3]), PARTS)
    among = temporal_order(*parts, np.arange(1, 16), PARTS)
    assert alone.r.shape == (1,) and among.r.shape == (15,)
    order = np.argsort(-among.r)
    assert (np.diff(among.p[order]) >= 0).all()
    uniform = [
        temporal_order(
            *(noise(np.random.default_rng(seed))[part] for part in PARTS),
            np.arange(1, 16),
            PARTS,
            n_surrogates=39,
        ).p.min()
        for seed in range(25)
    ]
    assert np.mean(uniform) > 0.35


def test_windows_of_parts_without_common_numbers_stay_in_their_order():
    rng = np.random.default_rng(1)
    parts = (noise(rng)[:200], noise(rng)[:150])
    numbers = (np.arange(200), np.arange(150))
    found = temporal_order(*parts, np.array([1, 2]), numbers, n_surrogates=19)
    assert np.isfinite(found.r).all() and (found.p >= 0.05).all()


def test_constant_courses_have_no_order():
    ones = np.ones((100, 5))
    numbers = (np.arange(100), np.arange(100))
    found = temporal_order(ones, ones, np.array([1]), numbers, n_surrogates=19)
    assert np.isnan(found.r).all() and np.isnan(found.p).all()
