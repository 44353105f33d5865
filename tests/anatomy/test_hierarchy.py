"""Regions within regions, told by ZBrain's names."""

import numpy as np

from napari_crbm.anatomy.hierarchy import at_level, containers, n_levels, path_of, renamed
from napari_crbm.regions import Regions

NAMES = (
    "Diencephalon -",
    "Diencephalon - Habenula",
    "Diencephalon - Hypothalamus - Caudal Cluster",
    "Diencephalon - Hypothalamus - Intermediate Cluster",
    "Dopaminergic Cluster 4/5",
    "Spinal Cord",
)


def masks() -> Regions:
    dense = np.zeros((8, 6), dtype=bool)
    dense[:5, 0] = True
    dense[:2, 1] = dense[2:4, 2] = dense[3:5, 3] = True
    dense[6, 4] = dense[7, 5] = True
    return Regions.from_dense(dense, NAMES)


def test_names_tell_the_way_from_the_top():
    assert path_of(NAMES[0]) == ("Diencephalon",)
    assert path_of(NAMES[2]) == ("Diencephalon", "Hypothalamus", "Caudal Cluster")
    assert path_of("Dopaminergic Cluster 4/5") == ("Dopaminergic Cluster 4/5",)
    assert path_of("Forebrain / Pallium") == ("Forebrain", "Pallium")
    assert path_of("Pre-optic area") == ("Pre-optic area",)
    assert n_levels(masks()) == 3


def test_levels_join_overlapping_masks():
    top = at_level(masks(), 0)
    assert top.names == ("Diencephalon", "Dopaminergic Cluster 4/5", "Spinal Cord")
    np.testing.assert_array_equal(top.counts, [5, 1, 1])
    second = at_level(masks(), 1)
    assert "Diencephalon - Hypothalamus" in second.names
    np.testing.assert_array_equal(second.members("Diencephalon - Hypothalamus"), [2, 3, 4])
    assert set(at_level(masks(), 2).names) == {"Diencephalon", *NAMES[1:]}


def test_the_smallest_regions_are_those_that_hold_no_others():
    np.testing.assert_array_equal(containers(masks()), [True, *[False] * 5])
    assert at_level(masks(), None).names == NAMES[1:]


def test_numbered_regions_get_names_by_line():
    numbered = Regions.from_labels([0, 1, 2], ("ZBrain region 2", "ZBrain region 0", "other"))
    assert renamed(numbered, ["a", "b", "c"]).names == ("c", "a", "other")
