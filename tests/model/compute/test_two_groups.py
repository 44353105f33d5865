"""The frames in which an assembly is on, found in three ways."""

import numpy as np
import pytest

from napari_crbm.model.compute.two_groups import active_threshold, on_frames, two_values


@pytest.fixture
def on() -> np.ndarray:
    return np.random.default_rng(0).random(2000) < 0.2


def test_noisy_values_are_divided_where_the_assembly_switches(on):
    noise = np.random.default_rng(1).normal(0, 0.1, (2000, 1))
    values = on[:, None] + noise
    np.testing.assert_array_equal(on_frames(values)[:, 0], on)
    np.testing.assert_array_equal(values[:, 0] > active_threshold(values), on)


def test_the_exact_threshold_leaves_the_least_spread():
    values = np.random.default_rng(2).gamma(0.5, size=40)

    def spread(threshold: float) -> float:
        groups = values[values > threshold], values[values <= threshold]
        return sum(((group - group.mean()) ** 2).sum() for group in groups)

    found = spread(float(active_threshold(values[:, None])[0]))
    ordered = np.sort(values)
    assert found == pytest.approx(min(spread(value) for value in ordered[:-1]))


def test_constant_activity_is_never_on():
    assert active_threshold(np.ones((50, 1))) == [np.inf]


def test_two_values_follow_from_the_skewness(on):
    course = (on - on.mean()) / on.std()
    high, low, share = two_values(course[:, None])
    assert high == pytest.approx(course.max())
    assert low == pytest.approx(course.min())
    assert share == pytest.approx(on.mean())
