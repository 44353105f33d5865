"""Association of neurons with assemblies: against brute force, and what must not be a member."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU, Members
from napari_crbm.model.compute.kernels.on_counts import count_on
from napari_crbm.model.members import association
from napari_crbm.model.members.association import associate
from napari_crbm.model.members.courses import Courses
from napari_crbm.model.members.windows import window_edges
from napari_crbm.spikes import Spikes


def model_of(weights):
    """Units that are on when a few of their neurons are active."""
    m = weights.shape[1]
    units = DReLU(np.ones(m), np.ones(m), np.zeros(m), np.zeros(m))
    return CRBM.from_parameters(weights, np.full(len(weights), -3.0), units)


def courses_of(n_frames, duties, rng, lasting=6):
    """Draw on/off courses that stay on or off for several frames, (T, K) bool."""
    starts = rng.random((n_frames // lasting + 2, len(duties))) < duties
    courses = np.repeat(starts, lasting, axis=0)
    phases = rng.integers(lasting, size=len(duties))
    return np.stack([row[p : p + n_frames] for row, p in zip(courses.T, phases, strict=True)], 1)


@pytest.fixture(scope="module")
def planted():
    """Two assemblies of 30 neurons that share ten, among 400 neurons; 3,000 frames."""
    rng = np.random.default_rng(0)
    on = courses_of(3000, [0.1, 0.1], rng)
    member = np.zeros((400, 2), dtype=bool)
    member[:30, 0] = True
    member[20:50, 1] = True
    chance = np.full((3000, 400), 0.03)
    for k in (0, 1):
        chance += 0.3 * on[:, [k]] * member[:, k]
    spikes = Spikes.from_dense(rng.random(chance.shape) < chance)
    return spikes, member, on


def test_members_are_found_and_others_are_not(planted):
    spikes, member, _ = planted
    found = associate(model_of(0.5 * member).rbm_, spikes)
    assert (found.members & member).sum() >= 0.97 * member.sum()
    assert (found.members & ~member).sum() <= 0.15 * member.sum()
    assert (found.correlation[member] > 0).all()


def test_members_without_a_weight_are_found_and_false_weights_are_not_members(planted):
    """A large weight alone makes no member, although its neuron helps to switch the unit on."""
    spikes, member, _ = planted
    weights = 0.5 * member
    weights[[3, 4]] = 0.0
    weights[[100, 101], 0] = 2.0
    found = associate(model_of(weights).rbm_, spikes)
    assert found.members[[3, 4], 0].all() and not found.members[[100, 101], 0].any()
    by_weight = Members.by_weight(weights).inside
    assert by_weight[[100, 101], 0].all() and not by_weight[[3, 4], 0].any()


def test_less_active_members_keep_their_sign(planted):
    spikes, member, on = planted
    dense = spikes.dense().copy()
    rng = np.random.default_rng(1)
    dense[:, 399] = (rng.random(3000) < 0.4) & ~on[:, 0]
    found = associate(model_of(0.5 * member).rbm_, Spikes.from_dense(dense))
    assert found.members[399, 0] and found.correlation[399, 0] < -0.1


def test_members_of_assemblies_that_are_on_together_are_told_apart():
    """The second assembly is on in half of the time of the first: correlation alone misleads."""
    rng = np.random.default_rng(2)
    on = courses_of(4000, [0.12, 0.12], rng)
    on[:, 1] |= on[:, 0] & courses_of(4000, [0.5], rng)[:, 0]
    member = np.zeros((300, 2), dtype=bool)
    member[:40, 0] = True
    member[40:80, 1] = True
    chance = 0.03 + 0.35 * (on @ member.T)
    spikes = Spikes.from_dense(rng.random(chance.shape) < chance)
    found = associate(model_of(0.5 * member).rbm_, spikes)
    alone = np.corrcoef(on[:, 0], spikes.dense()[:, 40:80].T)[0, 1:]
    assert (alone > 4 / np.sqrt(4000)).mean() > 0.9, "correlation alone would call them members"
    assert (found.members & member).sum() >= 0.97 * member.sum()
    assert (found.members & ~member).sum() <= 0.15 * member.sum()


def test_slow_activity_is_no_association(monkeypatch):
    """Neurons active in long episodes coincide by chance far more than independent frames do."""
    rng = np.random.default_rng(3)
    on = courses_of(3000, [0.15], rng, lasting=25)
    member = np.zeros((600, 1), dtype=bool)
    member[:40] = True
    apart = 0.02 + 0.4 * courses_of(3000, 600 * [0.1], rng, 25)
    chance = np.where(member.T, 0.03 + 0.3 * on, apart)
    spikes = Spikes.from_dense(rng.random(chance.shape) < chance)
    rbm = model_of(0.5 * member).rbm_
    found = associate(rbm, spikes).members
    assert found[:40].sum() >= 38 and found[40:].sum() <= 4
    # Without autocorrelation in the null hypothesis many of them are members.
    white = association._shift_variance

    def independent(bits, edges, power, workers):
        flat = [np.broadcast_to(p[1:].mean(axis=0), p.shape).astype(np.float32) for p in power]
        return white(bits, edges, flat, workers)

    monkeypatch.setattr(association, "_shift_variance", independent)
    assert associate(rbm, spikes).members[40:].sum() > 30


def test_two_units_of_one_assembly_both_have_its_members(planted):
    spikes, member, _ = planted
    weights = 0.5 * member[:, [0, 0, 1]]
    found = associate(model_of(weights).rbm_, spikes).members
    assert (found[:30, :2].mean(axis=0) > 0.9).all()


def test_the_false_discovery_rate_holds_without_assemblies():
    """Sparse neurons and a rare course make skewed counts: few units may have a member."""
    rng = np.random.default_rng(4)
    rates = np.exp(rng.normal(-4.5, 0.8, 1000))
    spikes = Spikes.from_dense(rng.random((1500, 1000)) < rates)
    weights = np.where(rng.random((1000, 30)) < 0.03, 0.6, 0.0)
    found = associate(model_of(weights).rbm_, spikes).members
    assert found.any(axis=0).sum() <= 4


def test_courses_and_counts_equal_brute_force():
    """The kernel takes the weight of a neuron from the input in its own active frames alone."""
    rng = np.random.default_rng(5)
    raster = rng.random((150, 20)) < 0.2
    weights = rng.normal(size=(20, 3)).astype(np.float32)
    inputs = (raster @ weights).astype(np.float32)
    on_from = np.quantile(inputs, 0.7, axis=0).astype(np.float32)
    edges = window_edges(np.arange(150), 40)
    assert edges.tolist() == [0, 37, 75, 112, 150]
    window_of = np.repeat(np.arange(4), np.diff(edges))
    counts, in_window = np.empty((20, 3), np.int32), np.empty((20, 4), np.int32)
    bits = Spikes.from_dense(raster).by_neuron
    count_on(bits, inputs, weights, on_from, window_of, counts, in_window)
    for i in range(20):
        alone = inputs - raster[:, [i]] * weights[i] >= on_from
        np.testing.assert_array_equal(counts[i], (alone & raster[:, [i]]).sum(axis=0))
        expected = [raster[a:b, i].sum() for a, b in pairwise(edges)]
        assert in_window[i].tolist() == expected


def test_the_variance_is_that_over_all_circular_shifts():
    rng = np.random.default_rng(6)
    edges = np.array([0, 30, 61])
    raster = rng.random((61, 5)) < 0.3
    on = rng.random((61, 2)) < 0.3
    courses = Courses.of(on, edges)
    bits = Spikes.from_dense(raster).by_neuron
    found = association._shift_variance(bits, edges, courses.power(), 1)
    for i in range(5):
        for m in range(2):
            total = 0.0
            for first, last in pairwise(edges):
                v, u = raster[first:last, i].astype(float), courses.alone[first:last, m]
                products = [np.roll(v, shift) @ u for shift in range(last - first)]
                total += np.var(products)
            assert found[i, m] == pytest.approx(total, rel=1e-4)


def test_the_regression_is_that_of_least_squares():
    rng = np.random.default_rng(7)
    on = rng.random((500, 3)) < [0.2, 0.3, 0.1]
    on[:, 1] |= on[:, 0] & (rng.random(500) < 0.5)
    courses = Courses.of(on, np.array([0, 250, 500]))
    centred = on - np.repeat([on[:250].mean(axis=0), on[250:].mean(axis=0)], 250, axis=0)
    scaled = centred / np.linalg.norm(centred, axis=0)
    neuron = rng.normal(size=500)
    expected = np.linalg.lstsq(scaled, neuron, rcond=None)[0]
    np.testing.assert_allclose(neuron @ courses.alone, expected, rtol=0.01, atol=1e-3)


def test_gamma_deviates_become_normal_ones():
    skewness = 0.8
    deviates = np.array([-1.5, -0.5, 1.0, 3.0, 5.0])
    gamma = stats.gamma(4 / skewness**2, loc=-2 / skewness, scale=skewness / 2)
    expected = stats.norm.isf(gamma.sf(deviates))
    np.testing.assert_allclose(
        association._normal(deviates, np.full(5, skewness)), expected, atol=0.05
    )


def test_benjamini_and_hochberg():
    rng = np.random.default_rng(8)
    z = np.concatenate([rng.normal(size=500), rng.normal(4.0, 1.0, 50)])
    p = 2 * stats.norm.sf(np.abs(z))
    expected = stats.false_discovery_control(p) <= association.MAX_Q
    np.testing.assert_array_equal(association._discovered(z), expected)
    assert not association._discovered(np.zeros(10)).any()


def test_threads_and_silent_units_change_nothing(planted):
    spikes, member, _ = planted
    weights = np.column_stack([0.5 * member, np.zeros(400)])
    model = model_of(weights)
    found = {}
    for threads in (1, 2):
        model.n_threads = threads
        found[threads] = associate(model.rbm_, spikes)
    np.testing.assert_array_equal(found[1].correlation, found[2].correlation)
    np.testing.assert_array_equal(found[1].members, found[2].members)
    assert not found[1].members[:, 2].any() and np.isfinite(found[1].z).all()


def test_a_model_finds_members_in_its_training_frames(planted):
    """Held-out frames must stay independent of who is a member: evidence is tested on them."""
    spikes, member, _ = planted
    dense = spikes.dense().copy()
    split = {"train": np.arange(2000), "test": np.arange(2000, 3000)}
    model = model_of(0.5 * member)
    model.split_, model.recording_fingerprint_ = split, spikes.fingerprint
    found = model.find_members(spikes).members_
    dense[2000:] = 0
    other = Spikes.from_dense(dense)
    model.recording_fingerprint_ = other.fingerprint
    np.testing.assert_array_equal(found.inside, model.find_members(other).members_.inside)
    assert found.words.startswith("neurons associated")
    with pytest.raises(ModelError, match="399"):
        model.find_members(spikes.select_neurons(np.arange(399)))


def test_members_by_weight():
    weights = np.array([[1.0, 0.0], [0.2, 0.0], [-0.21, 0.0], [0.0, 0.0]])
    members = Members.by_weight(weights)
    assert members.of(0).tolist() == [0, 2] and members.sizes.tolist() == [2, 0]
    assert members.strength[2, 0] == pytest.approx(-0.21) and "20 %" in members.words
    some = Members.by_weight(weights, threshold=0.1)
    assert some.of(0).tolist() == [0, 1, 2] and "0.1" in some.words
