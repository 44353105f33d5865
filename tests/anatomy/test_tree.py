"""Regions as a tree, and the surfaces around them."""

import numpy as np
import pytest

from napari_crbm.anatomy import enclosing_surface, larval_fish, region_tree
from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions


def shape(nodes):
    return {node.label: shape(node.children) for node in nodes}


def of(*names):
    return Regions.from_dense(np.eye(len(names), dtype=bool), names)


def test_names_that_spell_a_path_make_a_tree():
    regions = of(
        "Diencephalon -",
        "Diencephalon - Habenula",
        "Diencephalon - Hypothalamus - Caudal cluster",
        "Forebrain / Pallium",
    )
    tree = region_tree(regions)
    assert shape(tree) == {
        "Diencephalon": {"Habenula": {}, "Hypothalamus": {"Caudal cluster": {}}},
        "Forebrain": {"Pallium": {}},
    }
    assert tree[0].region == 0 and tree[1].region is None
    assert sorted(tree[0].regions()) == [0, 1, 2]


def test_sides_come_under_one_heading_only_where_both_are_named():
    tree = region_tree(of("Pallium L", "Pallium R", "Pineal", "left Lobe", "right Lobe", "Area R"))
    assert shape(tree) == {
        "Pallium": {"left": {}, "right": {}},
        "Pineal": {},
        "Lobe": {"left": {}, "right": {}},
        "Area R": {},
    }


def test_regions_inside_others_are_put_under_the_smallest():
    inside = np.zeros((60, 4), dtype=bool)
    inside[:50, 0] = inside[:30, 1] = inside[:10, 2] = inside[40:60, 3] = True
    tree = region_tree(Regions.from_dense(inside, ["Brain", "Forebrain", "Pallium", "Hindbrain"]))
    assert shape(tree) == {"Brain": {"Forebrain": {"Pallium": {}}}, "Hindbrain": {}}
    assert [node.n_neurons for node in tree] == [50, 20]


def test_neurons_of_a_heading_are_counted_once():
    inside = np.zeros((9, 2), dtype=bool)
    inside[:5, 0] = inside[3:9, 1] = True
    regions = Regions.from_dense(inside, ["Pallium L", "Pallium R"])
    (pallium,) = region_tree(regions)
    assert pallium.n_neurons == 9 and [node.n_neurons for node in pallium.children] == [5, 6]
    assert region_tree(regions)[0] is pallium, "remembered"


def test_every_region_is_in_the_tree_once():
    _, regions = larval_fish().sample(800, np.random.default_rng(0))
    found = [index for node in region_tree(regions) for index in node.regions()]
    assert sorted(found) == list(range(len(regions.names)))


def test_a_surface_encloses_its_neurons_and_not_much_more():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 3))
    points *= 60 * rng.random((3000, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1)[:, None]
    centre = np.array([100, 200, 300])
    vertices, faces = enclosing_surface(points + centre)
    smallest, largest = np.quantile(np.linalg.norm(vertices - centre, axis=1), [0.02, 0.98])
    assert smallest > 52 and largest < 70
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    assert (times == 2).all(), "closed"


def test_both_sides_of_a_structure_become_two_bodies():
    rng = np.random.default_rng(1)
    points = rng.uniform(-20, 20, size=(600, 3))
    points[:300, 2] += 100
    vertices, _ = enclosing_surface(points)
    x = vertices[:, 2]
    assert ((x < 40) | (x > 60)).all() and (x < 0).any() and (x > 100).any()


def test_too_few_neurons_have_no_surface():
    vertices, faces = enclosing_surface(np.zeros((3, 3)))
    assert vertices.shape == faces.shape == (0, 3)
    with pytest.raises(RecordingError, match="shape"):
        enclosing_surface(np.zeros((3, 2)))
