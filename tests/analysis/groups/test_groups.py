"""Groups of neurons against a naive reference."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from napari_crbm.analysis import compare_groups, group_course, members_of, strongest_neurons
from napari_crbm.errors import LabelError
from napari_crbm.simulation import simulate
from tests.conftest import random_model


@pytest.fixture(scope="module")
def simulation():
    return simulate(n_neurons=200, n_frames=400, n_assemblies=4, seed=0)


def test_the_course_is_the_share_of_active_neurons(simulation):
    neurons = np.array([5, 2, 9, 9])
    dense = simulation.recording.spikes.dense()
    expected = 100 * dense[:, [2, 5, 9]].mean(axis=1)
    np.testing.assert_allclose(group_course(simulation.recording, neurons), expected)


def test_the_strongest_are_the_largest_and_never_undefined():
    assert strongest_neurons([1, 5, np.nan, 5, 2], 3).tolist() == [1, 3, 4]
    assert strongest_neurons([np.nan, 1], 5).tolist() == [1]
    assert strongest_neurons([1, 2], 0).tolist() == []


def test_members_of_an_assembly_differ_from_others_in_that_assembly(simulation):
    recording, truth = simulation.recording, np.asarray(simulation.truth.membership)
    members = np.flatnonzero(truth[:, 0])
    others = np.flatnonzero(~truth.any(axis=1))
    model = random_model(recording.n_neurons, truth.shape[1])
    model.weights_[:] = truth
    model.find_members(recording, "weight")
    found = compare_groups(recording, members, others, model)
    best = found.assemblies.iloc[0]
    assert best["name"] == 0 and best["share_a"] == 1 and best["share_b"] == 0
    assert best["q"] < 1e-6
    inside = members_of(model).inside[:, 0]
    p = fisher_exact([[inside[members].sum(), (~inside[members]).sum()],
                      [inside[others].sum(), (~inside[others]).sum()]])[1]  # fmt: skip
    np.testing.assert_allclose(best["p"], p)
    assert "1 assembly holds a different share" in str(found) or "assemblies hold" in str(found)
    swapped = compare_groups(recording, others, members, model)
    assert swapped.n_a == found.n_b and swapped.correlation == pytest.approx(found.correlation)


def test_the_same_group_twice_does_not_differ(simulation):
    found = compare_groups(simulation.recording, range(20), range(20))
    assert found.n_both == 20 and found.correlation == pytest.approx(1)
    assert (found.regions["q"] == 1).all()
    assert "No region holds a different share" in str(found)


def test_random_groups_rarely_differ(simulation):
    """At q < 0.05 a difference of two random groups is rare."""
    rng = np.random.default_rng(0)
    differ = 0
    for _ in range(100):
        neurons = rng.permutation(simulation.recording.n_neurons)
        found = compare_groups(simulation.recording, neurons[:40], neurons[40:100])
        differ += bool((found.regions["q"] < 0.05).any())
    assert differ <= 10


@pytest.mark.parametrize(("neurons", "says"), [([], "no neuron"), ([-1], "-1"), ([200], "200")])
def test_impossible_groups_are_refused(simulation, neurons, says):
    with pytest.raises(LabelError, match=says):
        compare_groups(simulation.recording, neurons, [1])
