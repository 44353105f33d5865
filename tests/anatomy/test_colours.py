import numpy as np
import pytest

from napari_crbm.anatomy import distinct_region_colours, larval_fish, region_colours
from napari_crbm.anatomy.colours import without_side
from napari_crbm.palette import srgb_to_oklab


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Optic tectum L", "Optic tectum"),
        ("Tectum_R", "Tectum"),
        ("Habenula (left)", "Habenula"),
        ("Cerebellum - Right", "Cerebellum"),
        ("Pallium", "Pallium"),
        ("Layer L", "Layer"),
        ("nucleus r", "nucleus r"),
        ("L", "L"),
    ],
)
def test_side_is_taken_off_names(name, base):
    assert without_side(name) == base


def test_both_sides_share_a_colour_that_does_not_depend_on_the_others():
    colours = region_colours(["Pallium L", "Habenula R", "Pallium R"])
    assert colours.shape == (3, 4)
    np.testing.assert_array_equal(colours[0], colours[2])
    np.testing.assert_array_equal(region_colours(["Habenula R"])[0], colours[1])
    assert (colours >= 0).all()
    assert (colours <= 1).all()
    assert region_colours([]).shape == (0, 4)


def test_neighbours_in_the_hindbrain_differ():
    names = [f"Rhombomere {number} L" for number in range(1, 8)]
    assert set(names) <= set(larval_fish().names)
    steps = np.abs(np.diff(region_colours(names)[:, :3], axis=0)).sum(axis=1)
    assert steps.min() > 0.15


def test_no_two_structures_of_a_recording_look_alike():
    """Not even in the parametric fish, where some names have almost the same colour."""
    names = larval_fish().names
    structures = len({without_side(name) for name in names})

    def nearest(colours):
        lab = srgb_to_oklab(np.unique(colours[:, :3], axis=0))
        distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
        return len(lab), distance[np.triu_indices(len(lab), 1)].min()

    colours = distinct_region_colours(names)
    assert colours.shape == (len(names), 4)
    n_colours, least = nearest(colours)
    assert n_colours == structures and least > 0.05 > nearest(region_colours(names))[1]
    left, right = names.index("Pallium L"), names.index("Pallium R")
    np.testing.assert_array_equal(colours[left], colours[right])
    assert distinct_region_colours([]).shape == (0, 4)
    many = distinct_region_colours([f"Area {k}" for k in range(300)])
    assert len(many) == 300 and (many >= 0).all() and (many <= 1).all()
