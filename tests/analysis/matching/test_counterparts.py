"""Counterparts of two models: planted pairs are found, chance pairs rarely, members compared."""

import numpy as np
import pytest

from napari_crbm.analysis import find_counterparts, ways_to_match
from napari_crbm.analysis.assemblies.relocation import Relocation
from napari_crbm.analysis.matching.places import common_places, common_regions, profiles
from napari_crbm.anatomy import larval_fish
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from tests.conftest import random_model
from tests.io.files import small_recording

MIDLINE_UM = larval_fish().midline_um


def animal(seed: int, n_neurons: int = 2500) -> Recording:
    rng = np.random.default_rng([seed, 0])
    coordinates, regions = larval_fish().sample(n_neurons, rng)
    return Recording(
        coordinates=coordinates,
        spikes=Spikes.from_dense(rng.random((4, n_neurons)) < 0.1),
        times=np.arange(4.0),
        regions=regions,
        name=f"fish {seed}",
    )


def somewhere(n: int, seed: int) -> list[np.ndarray]:
    """Centres of assemblies, half of them on both sides of the brain, (1 or 2, 3) each."""
    rng = np.random.default_rng([seed, 1])
    centres = larval_fish().sample(n, rng)[0].astype(float)
    mirrored = centres * (1, 1, -1) + (0, 0, 2 * MIDLINE_UM)
    return [
        np.array([here, there] if rng.random() < 0.5 else [here])
        for here, there in zip(centres, mirrored, strict=True)
    ]


def model_with(recording: Recording, places: list[np.ndarray], seed: int, jitter_um: float = 0):
    """Assemblies of six in ten neurons around places; of either sign, as h may be mirrored."""
    rng = np.random.default_rng([seed, 2])
    weights = np.zeros((recording.n_neurons, len(places)), dtype=np.float32)
    for unit, centres in enumerate(places):
        for centre in centres:
            away = np.linalg.norm(
                recording.coordinates - centre - rng.normal(0, jitter_um, 3), axis=1
            )
            inside = (away < 50) & (rng.random(len(away)) < 0.6)
            weights[inside, unit] = rng.uniform(0.3, 1, inside.sum())
        weights[:, unit] *= rng.choice([-1, 1])
    ones = np.ones(len(places))
    fields = np.full(recording.n_neurons, -3, np.float32)
    return CRBM.from_parameters(weights, fields, DReLU(ones, ones, 0 * ones, 0 * ones))


@pytest.fixture(scope="module")
def fish():
    """Two animals: 12 assemblies at the same places, 4 and 6 at others, the second's shuffled."""
    places, other = somewhere(16, 5), somewhere(6, 6)
    order = np.random.default_rng(7).permutation(18)
    second = [(places[:12] + other)[k] for k in order]
    one, two = animal(1), animal(2)
    partner = np.argsort(order)[:12]
    return model_with(one, places, 8), one, model_with(two, second, 9, jitter_um=10), two, partner


@pytest.mark.parametrize(("by", "right", "found"), [("places", 12, 7), ("regions", 7, 3)])
def test_planted_counterparts_of_two_animals(fish, by, right, found):
    """Regions cannot tell two assemblies of one region apart; by chance one would be right."""
    *pair, partner = fish
    result = find_counterparts(*pair, by=by)
    table = result.pairs
    hits = table["match"][:12].to_numpy() == partner
    assert hits.sum() >= right
    assert table["found"][:12][hits].sum() >= found and table["found"][12:].sum() <= 1
    signs = np.sign(pair[0].weights_.sum(axis=0)[:12] * pair[2].weights_.sum(axis=0)[partner])
    np.testing.assert_array_equal(table["orientation"][:12][hits], signs[hits])
    assert table["overlap"][:12][hits].median() > 0.4 > table["overlap"][12:].median()
    taken = set(table["match"][table["found"]])
    assert set(result.alone_second) == set(range(18)) - taken


@pytest.mark.parametrize("by", ["places", "regions"])
def test_assemblies_elsewhere_are_rarely_found(by):
    """Nominally one in twenty; up to one in ten was seen in larger studies."""
    found = []
    for k in range(6):
        one, two = animal(20 + k, 1500), animal(40 + k, 1500)
        pair = model_with(one, somewhere(15, 60 + k), k), one
        other = model_with(two, somewhere(15, 80 + k), k + 1), two
        found.append(find_counterparts(*pair, *other, by=by).pairs["found"].mean())
    # 90 decisions: a rate of 10 % stays below this in 99 of 100 tests.
    assert np.mean(found) < 0.18


def test_the_same_neurons_are_compared_one_by_one(fish):
    model, recording, *_ = fish
    order, sign = np.random.default_rng(0).permutation(16), np.array([-1.0, 1.0] * 8, np.float32)
    weights = model.weights_[:, order] * sign * np.float32(2)
    first_members = np.flatnonzero(model.weights_[:, 3])
    column = int(np.flatnonzero(order == 3)[0])
    weights[first_members[:5], column] = 0
    strangers = np.flatnonzero(model.weights_[:, 3] == 0)[:2]
    weights[strangers, column] = weights[np.abs(weights[:, column]).argmax(), column]
    other = CRBM.from_parameters(weights, model.fields_, model.hidden_)
    result = find_counterparts(model, recording, other, recording)
    assert result.by == "neurons" and result.n_found == 16 and result.alone_second == ()
    np.testing.assert_array_equal(order[result.pairs["match"]], np.arange(16))
    np.testing.assert_array_equal(result.pairs["orientation"], sign[result.pairs["match"]])
    members = result.members(3)
    assert set(members["neuron"][members["where"] == "first"]) == set(first_members[:5])
    assert set(members["neuron"][members["where"] == "second"]) == set(strangers)
    both = members[members["where"] == "both"]
    ratio = both["weight_second"] / both["weight_first"]
    assert ratio.std() < 1e-5 and 0.9 < ratio.mean() < 1.1, "mirrored and scaled back"
    expected = len(both) / len(members)
    assert result.pairs["overlap"][3] == pytest.approx(expected)
    assert result.pairs["overlap"][[0, 1, 2]].tolist() == [1, 1, 1]


def test_members_and_regions_of_a_pair_of_animals(fish):
    result = find_counterparts(*fish[:4], by="places")
    best = int(result.pairs["similarity"].idxmax())
    partner = int(result.pairs["match"][best])
    members = result.members(best)
    for animal_, model, unit in (("first", fish[0], best), ("second", fish[2], partner)):
        rows = members[members["animal"] == animal_]
        weights = model.weights_[rows["neuron"], unit]
        np.testing.assert_allclose(np.abs(rows["weight"]), np.abs(weights))
    one, other = (members[members["animal"] == a] for a in ("first", "second"))
    there = fish[3].coordinates[other["neuron"]]
    here = fish[1].coordinates[one["neuron"].iloc[0]]
    assert one["nearest_um"].iloc[0] == pytest.approx(
        np.linalg.norm(there - here, axis=1).min(), abs=1e-3
    )
    regions = result.regions(best)
    assert (
        regions["first"].max() > 0.2 and (np.diff(regions["first"] + regions["second"]) <= 0).all()
    )
    with pytest.raises(ModelError, match="no assembly 99"):
        result.members(99)


def test_profiles_are_means_over_the_parts(fish):
    _, one, model, two, _ = fish
    ground = common_regions(one, two)
    name = ground.names[3]
    inside = two.regions.members(name)
    np.testing.assert_allclose(
        profiles(ground.second, model.weights_)[3],
        model.weights_[inside].mean(axis=0),
        atol=1e-6,
    )
    places = common_places(one, two)
    np.testing.assert_allclose(places.first.sum(axis=1), 1, atol=1e-5)
    constant = profiles(places.second, np.full((two.n_neurons, 1), 3.0))
    np.testing.assert_allclose(constant, 3, atol=1e-4)


def test_moved_assemblies_keep_shape_and_side_but_not_place(fish):
    _, _, model, recording, _ = fish
    moved = Relocation(recording.coordinates, model.weights_).draw(np.random.default_rng(0))
    size = (moved != 0).sum(axis=0) / (model.weights_ != 0).sum(axis=0)
    assert 0.7 < np.median(size) < 1.4
    side = np.sign(recording.coordinates[:, 2] - MIDLINE_UM)
    left, right = ((np.abs(moved) * (side == s)[:, None]).sum(axis=0) for s in (-1, 1))
    of_one_side = np.abs(side @ np.sign(np.abs(model.weights_))) == (model.weights_ != 0).sum(
        axis=0
    )
    assert 4 < of_one_side.sum() < 14, "the plan holds both kinds"
    assert (np.minimum(left, right)[of_one_side] == 0).mean() > 0.8, "one side stays one side"
    both = ~of_one_side
    assert np.median((np.minimum(left, right) / np.maximum(left, right))[both]) > 0.4
    centre = [
        recording.coordinates.T @ np.abs(w) / np.abs(w).sum(0) for w in (model.weights_, moved)
    ]
    assert np.median(np.abs(centre[0][1] - centre[1][1])) > 100


def test_what_cannot_be_matched_is_said(fish):
    model, recording, other, second, _ = fish
    ways = ways_to_match(recording, second)
    assert list(ways) == ["places", "regions", "neurons"] and ways["neurons"]
    with pytest.raises(ModelError, match="not of the same neurons"):
        find_counterparts(model, recording, other, second, by="neurons")
    with pytest.raises(ModelError, match="does not belong to recording"):
        find_counterparts(other, second, random_model(7, 2), second)
    with pytest.raises(ModelError, match="Cannot match by 'colour'"):
        find_counterparts(model, recording, other, second, by="colour")
    box = small_recording()
    with pytest.raises(ModelError, match="regions of at least 5 neurons in common"):
        common_regions(box, recording)
    far = Recording(
        coordinates=second.coordinates + np.float32(5000), spikes=second.spikes, times=second.times
    )
    with pytest.raises(ModelError, match=r"not in the same space|too small for a space"):
        common_places(recording, far)
    with pytest.raises(ModelError, match="too small"):
        common_places(recording, second, width_um=0.5)


def test_a_model_matched_with_its_copy_is_told(fish):
    model, recording = fish[:2]
    mirrored = CRBM.from_parameters(
        -model.weights_[:, ::-1],
        np.full(recording.n_neurons, -3, np.float32),
        DReLU(*(np.full(model.n_assemblies, value) for value in (1, 1, 0, 0))),
    )
    for copy in (model, mirrored):
        found = find_counterparts(model, recording, copy, recording, by="neurons")
        assert found.warning is not None and "same weights" in found.warning
    other = model_with(recording, somewhere(16, 5), 11)
    assert find_counterparts(model, recording, other, recording, by="neurons").warning is None
