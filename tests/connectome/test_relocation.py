"""Maps of relocated assemblies: the level that unrelated animals reach, kept in projects."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from napari_crbm.anatomy import larval_fish
from napari_crbm.connectome import (
    Animal,
    add_to_project,
    compare_animals,
    compare_maps,
    for_comparison,
    load_project,
    mean_over_animals,
    region_centroids,
    region_map,
    relocated_maps,
    similarity,
)
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes

N_NEURONS, N_ASSEMBLIES = 700, 15


def animal(seed: int, places_from: int | None = None):
    """Map of compact assemblies, half of them bilateral, at random or given places."""
    fish, rng = larval_fish(), np.random.default_rng([seed, 0])
    coordinates, regions = fish.sample(N_NEURONS, rng)
    where = np.random.default_rng([seed if places_from is None else places_from, 1])
    centres = fish.sample(N_ASSEMBLIES, where)[0].astype(float)
    weights = np.zeros((N_NEURONS, N_ASSEMBLIES), dtype=np.float32)
    for unit, centre in enumerate(centres):
        mirrored = centre * (1, 1, -1) + (0, 0, 2 * fish.midline_um)
        for place in (centre, mirrored)[: 1 + unit % 2]:
            inside = np.linalg.norm(coordinates - place, axis=1) < 60
            weights[inside, unit] = rng.uniform(0.3, 1, inside.sum())
    recording = Recording(
        coordinates=coordinates,
        spikes=Spikes.from_dense(np.ones((2, N_NEURONS), dtype=bool)),
        times=np.arange(2.0),
        regions=regions,
    )
    found = region_map(weights, regions)
    return replace(
        found,
        centres_um=region_centroids(coordinates, regions, found.names),
        relocated=relocated_maps(recording, regions, weights, found.names, n_draws=19, seed=seed),
    )


@pytest.fixture(scope="module")
def animals():
    return [animal(seed) for seed in range(7)]


def test_unrelated_animals_are_significant_as_often_as_they_should(animals):
    pairs = [(a, b) for a in animals for b in animals if a is not b]
    found = [compare_maps(*pair) for pair in pairs]
    p = np.array([each.spearman_p for each in found])
    assert all(each.null == "relocated" for each in found)
    assert np.mean(p <= 0.05) < 0.17 and 0.3 < p.mean() < 0.7
    # Unrelated they are, but alike: permutations of the regions take that for evidence.
    assert np.mean([each.spearman for each in found]) > 0.2
    permuted = [
        compare_maps(replace(a, relocated=None), b, n_permutations=19) for a, b in pairs[:10]
    ]
    assert np.mean([each.spearman_p <= 0.05 for each in permuted]) > 0.7


def test_animals_with_assemblies_at_the_same_places_are_found(animals):
    partner = animal(50, places_from=3)
    found = compare_maps(animals[3], partner)
    assert found.spearman_p == found.given_nearness_p == pytest.approx(0.05)
    assert found.beyond_nearness and found.nearness.endswith("beyond nearness.")
    assert found.relocated < found.spearman - 0.1


def test_agreement_beyond_nearness_is_rarely_claimed_of_unrelated_animals(animals):
    pairs = [(a, b) for a in animals for b in animals if a is not b]
    p = np.array([compare_maps(*pair).given_nearness_p for pair in pairs])
    assert np.mean(p <= 0.05) < 0.17 and 0.3 < p.mean() < 0.7


def test_small_regions_are_not_favoured_more_than_by_relocated_assemblies(animals):
    own, moved = [], []
    for each in animals:
        cells = np.tril_indices(len(each.names), -1)
        small = (each.n_neurons[:, None] ** -0.5 + each.n_neurons**-0.5)[cells]
        own.append(spearmanr(each.values[cells], small)[0])
        moved.append(np.mean([spearmanr(one[cells], small)[0] for one in each.relocated[1:]]))
    assert abs(np.mean(own)) < 0.15
    assert abs(np.mean(own) - np.mean(moved)) < 0.15


def test_sets_of_animals_are_tested_together(animals):
    def study(maps):
        kept = [Animal(f"fish {k}", 10, str(k), {"m": each}) for k, each in enumerate(maps)]
        return compare_animals({each.name: each for each in kept}, n_permutations=1)

    unrelated = study(animals[:3])
    assert unrelated.shared.n_pairs == 3
    assert unrelated.shared.spearman == pytest.approx(unrelated.similarity["spearman"].mean())
    assert unrelated.shared.p > 0.05 and "no more than nearness" in str(unrelated.shared)
    same = study([animals[3], animal(50, places_from=3), animal(51, places_from=3)])
    assert same.shared.p == pytest.approx(0.05) and ": beyond nearness" in str(same.shared)
    bare = study([animals[0], replace(animals[1], relocated=None)])
    assert np.isnan(bare.shared.p) and "cannot be said" in str(bare.shared)
    assert study(animals[:1]).shared is None


def test_the_first_map_is_of_the_assemblies_as_they_are(animals):
    here = animals[0]
    upper = np.triu_indices(len(here.names), 1)
    relation = np.corrcoef(here.relocated[0][upper], here.values[upper])[0, 1]
    assert relation > 0.9
    others = [np.corrcoef(each[upper], here.values[upper])[0, 1] for each in here.relocated[1:]]
    assert max(others) < relation
    part = here.among(here.names[2:5])
    np.testing.assert_array_equal(part.relocated, here.relocated[:, 2:5, 2:5])
    np.testing.assert_array_equal(part.centres_um, here.centres_um[2:5])


def test_projects_keep_centres_and_relocated_maps(animals, tmp_path):
    path = tmp_path / "study.h5"
    for k, each in enumerate(animals[:3]):
        add_to_project(path, f"fish {k}", "model", each, n_frames=10 + k, fingerprint=str(k))
    loaded = load_project(path)
    np.testing.assert_array_equal(loaded["fish 1"].maps["model"].relocated, animals[1].relocated)
    np.testing.assert_array_equal(loaded["fish 1"].mean.centres_um, animals[1].centres_um)
    structural = replace(animals[4], measure="structural", relocated=None)
    study = compare_animals(loaded, structural, n_permutations=5)
    assert study.agreement.null == "relocated" and study.agreement.given_nearness_p > 0
    assert np.isfinite(study.similarity["given_nearness_p"]).all()
    assert (study.similarity["null"] == "relocated").all()


def test_the_mean_over_animals_has_mean_draws(animals):
    found = mean_over_animals(animals[:2], [10, 30], min_neurons=1, n_bootstrap=0)
    first, second = animals[0], animals[1]
    shared = [name for name in found.names if name in first.names and name in second.names]
    a, b = shared[1], shared[2]
    at = [(m.names.index(a), m.names.index(b)) for m in (first, second, found)]
    weights = [
        frames * (m.n_neurons[at[k][0]] + m.n_neurons[at[k][1]])
        for k, (frames, m) in enumerate(((10, first), (30, second)))
    ]
    drawn = [m.relocated[3][at[k]] for k, m in enumerate((first, second))]
    assert found.relocated[3][at[2]] == pytest.approx(np.average(drawn, weights=weights), rel=1e-5)
    centres = [m.centres_um[at[k][0]] for k, m in enumerate((first, second))]
    np.testing.assert_allclose(found.centres_um[at[2][0]], np.mean(centres, axis=0))


def test_maps_without_draws_say_that_regions_were_permuted(animals):
    bare = {str(k): replace(each, relocated=None) for k, each in enumerate(animals[:2])}
    assert similarity(bare, n_permutations=5)["null"].tolist() == ["permuted"]


def test_neurons_without_a_position_do_not_enter():
    fish = larval_fish()
    coordinates, regions = fish.sample(300, np.random.default_rng(0))
    weights = np.random.default_rng(1).random((300, 3)).astype(np.float32)
    found = region_map(weights, regions)
    positions = coordinates.copy()
    positions[::7] = np.nan

    def recording(positions):
        spikes = Spikes.from_dense(np.ones((2, 300), dtype=bool))
        return Recording(coordinates=positions, spikes=spikes, times=np.arange(2.0))

    kept = for_comparison(found, recording(positions), regions, weights)
    assert np.isfinite(kept.relocated).any(axis=(1, 2)).all()
    assert np.isfinite(kept.centres_um).all()
    nowhere = for_comparison(found, recording(None), regions, weights)
    assert nowhere.relocated is None and nowhere.centres_um is None
    positions[regions.members(found.names[0])] = np.nan
    assert for_comparison(found, recording(positions), regions, weights).centres_um is None
