"""Classifiers and distances on frames of which the truth is known."""

import numpy as np
import pytest

from napari_crbm.analysis.dreams.discrimination import (
    GENERATED,
    INDEPENDENT,
    TRAINING,
    discriminate,
    nearest,
    told_apart,
)
from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes
from tests.temporal.conftest import coupled, static  # noqa: F401


@pytest.fixture(scope="module")
def parts(static):  # noqa: F811
    return static.split_["train"], static.split_["test"]


def area(found, features="assemblies"):
    return found.table.set_index(["features", "compared"])["auc"][features]


def test_frames_of_one_distribution_are_not_told_apart():
    rng = np.random.default_rng(0)
    areas = told_apart(rng.normal(size=(600, 8)), rng.normal(size=(600, 8)))
    assert areas.mean() == pytest.approx(0.5, abs=0.06)
    other = told_apart(rng.normal(size=(600, 8)), rng.normal(0.6, 1, size=(600, 8)))
    assert other.mean() > 0.8


def test_recorded_frames_given_as_generated_are_on_the_low_end(coupled, static, parts):  # noqa: F811
    train, test = parts
    # In a random order, so that nothing drifts.
    order = np.random.default_rng(4).permutation(coupled.n_frames)
    spikes = coupled.spikes.select_frames(order)
    again = spikes.select_frames(train[::2])
    found = discriminate(static.rbm_, again, spikes, train, test)
    for features in ("assemblies", "neurons"):
        for name in (TRAINING, GENERATED):
            assert area(found, features)[name] == pytest.approx(0.5, abs=0.12)
    assert area(found)[INDEPENDENT] > 0.65
    near = found.nearest.set_index("compared")
    assert near["nearest"][GENERATED] == pytest.approx(0, abs=1e-3)
    assert near["copies"][GENERATED] > 0.95 and near["copies"]["held-out"] < 0.1
    assert "copy a training frame" in found.sentences[-1]


def test_independent_neurons_given_as_generated_are_on_the_high_end(coupled, static, parts):  # noqa: F811
    train, test = parts
    rate = coupled.spikes.select_frames(train).mean_activity
    made = Spikes.from_dense(np.random.default_rng(1).random((500, len(rate))) < rate)
    found = discriminate(static.rbm_, made, coupled.spikes, train, test)
    assert area(found)[GENERATED] == pytest.approx(area(found)[INDEPENDENT], abs=0.1)
    assert area(found)[GENERATED] > 0.7


def test_pairs_tell_frames_in_a_random_order(coupled, static, parts):  # noqa: F811
    train, test = parts
    shuffled = coupled.spikes.select_frames(np.random.default_rng(2).permutation(train))
    single = discriminate(static.rbm_, shuffled, coupled.spikes, train, test)
    pairs = discriminate(static.rbm_, shuffled, coupled.spikes, train, test, pairs=True)
    assert area(single)[GENERATED] < 0.65
    assert area(pairs)[GENERATED] > area(pairs)[TRAINING] + 0.1
    assert "pairs of successive frames" in pairs.sentences[0]


def test_the_nearest_frame_is_found_in_pieces():
    rng = np.random.default_rng(3)
    frames, known = rng.normal(size=(50, 4)), rng.normal(size=(70, 4))
    exact = np.sqrt(((frames[:, None] - known) ** 2).mean(axis=2)).min(axis=1)
    assert nearest(frames, known, at_once=7) == pytest.approx(exact)


def test_too_few_frames_are_refused(coupled, static, parts):  # noqa: F811
    few = coupled.spikes.select_frames(np.arange(10))
    with pytest.raises(ModelError, match="40 frames of each kind are needed; found 10 generated"):
        discriminate(static.rbm_, few, coupled.spikes, *parts)
