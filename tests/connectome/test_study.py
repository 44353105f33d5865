"""Several animals at once: kinds of maps, the study, layout of the ring, parts of maps."""

import numpy as np
import pytest

from napari_crbm.connectome import (
    Animal,
    RegionMap,
    add_to_project,
    compare_animals,
    compare_maps,
    kinds,
    load_project,
    mean_over_animals,
    of_kind,
    similarity,
)
from napari_crbm.connectome.layout import arc, ring_layout
from tests.connectome.test_comparison import NAMES, a_map


def test_maps_of_other_kinds_stand_beside_the_usual_one(tmp_path):
    path = tmp_path / "study.h5"
    options = dict(n_frames=10, fingerprint="x")
    covariance = RegionMap(NAMES, a_map(2).values, np.full(6, 9), measure="covariance")
    add_to_project(path, "fish", "m", a_map(1), **options)
    add_to_project(path, "fish", "m", covariance, **options)
    add_to_project(path, "other", "m", a_map(3), **options)
    animals = load_project(path)
    assert len(animals["fish"].maps) == 2
    assert kinds(animals) == [("coupling", "mean_abs"), ("covariance", "mean_abs")]
    couplings = of_kind(animals, "coupling", "mean_abs")
    assert list(couplings) == ["fish", "other"]
    np.testing.assert_allclose(couplings["fish"].mean.values, a_map(1).values)
    assert list(of_kind(animals, "covariance", "mean_abs")) == ["fish"]
    assert of_kind(animals, "coupling", "rms") == {}


def test_a_study_is_the_sum_of_its_parts():
    animals = {
        f"fish {k}": Animal(f"fish {k}", 100 * k, str(k), {"a": a_map(k), "b": a_map(k + 10)})
        for k in (1, 2, 3)
    }
    anatomy = RegionMap(NAMES, np.where(a_map(7).values > 1, a_map(7).values, 0), np.zeros(6, int))
    places = np.random.default_rng(0).random((7, 3))
    centres = ((*reversed(NAMES), "elsewhere"), places)
    study = compare_animals(animals, anatomy, centres_um=centres, n_permutations=50)
    maps = {name: animal.mean for name, animal in animals.items()}
    np.testing.assert_allclose(
        study.mean.values, mean_over_animals(list(maps.values()), [100, 200, 300]).values
    )
    assert study.similarity.equals(similarity(maps, n_permutations=50))
    expected = compare_maps(study.mean, anatomy, skip_zero=True, n_permutations=50)
    assert study.agreement.spearman == expected.spearman and study.agreement.n_zero > 0
    own = places[:6][::-1]
    given = compare_maps(study.mean, anatomy, skip_zero=True, centres_um=own, n_permutations=5)
    assert study.agreement.given_nearness == pytest.approx(given.given_nearness)
    without = compare_animals(animals, anatomy, centres_um=(NAMES[:3], own[:3]), n_permutations=5)
    assert np.isnan(without.agreement.given_nearness), "one centre is not known"
    assert compare_animals(animals, n_permutations=5).agreement is None


def test_part_of_a_map_keeps_what_belongs_to_it():
    whole = a_map(1)
    whole = RegionMap(NAMES, whole.values, np.arange(6), low=whole.values - 1)
    part = whole.among(["Raphe", "Pallium L", "nowhere"])
    assert part.names == ("Pallium L", "Raphe")
    np.testing.assert_array_equal(part.n_neurons, [0, 4])
    assert part.values[0, 1] == whole.values[0, 4] and part.low[0, 1] == whole.low[0, 4]
    assert part.high is None


def test_the_ring_has_left_on_the_left_and_the_head_on_top():
    names = ["Tectum L", "Pallium L", "Raphe", "Pallium R"]
    centres = np.array([[0, 500, 100], [0, 100, 120], [0, 700, 260], [0, 110, 330]], float)
    places = ring_layout(names, centres)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1)
    assert places[0, 0] < 0 and places[1, 0] < 0 and places[3, 0] > 0
    assert places[2, 0] > 0, "the raphe's centre lies right of the middle between both sides"
    assert places[1, 1] > places[0, 1] and places[3, 1] > places[2, 1]
    curve = arc(places[0], places[3])
    np.testing.assert_allclose(curve[[0, -1]], places[[0, 3]])
    assert np.linalg.norm(curve, axis=1).max() <= 1 + 1e-9
