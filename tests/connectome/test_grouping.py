"""Order of regions by anatomical groups."""

import numpy as np

from napari_crbm.connectome import anatomical_groups


def centres(*y_um: float) -> np.ndarray:
    return np.column_stack([np.zeros(len(y_um)), y_um, np.zeros(len(y_um))])


def test_divisions_in_the_names_stand_from_front_to_back():
    names = ("Hind - Medulla", "Fore - Pallium", "Fore - Habenula", "Ganglia", "Hind - Cerebellum")
    groups = anatomical_groups(names, centres(500, 100, 200, 50, 400))
    assert [group.label for group in groups] == ["Fore", "Hind", "other"]
    assert [group.regions for group in groups] == [(1, 2), (4, 0), (3,)]


def test_without_divisions_sides_are_groups():
    names = ("Tectum R", "Pineal", "Tectum L", "Habenula L")
    groups = anatomical_groups(names, centres(300, 100, 300, 200))
    assert [group.label for group in groups] == ["left", "midline", "right"]
    assert [group.regions for group in groups] == [(3, 2), (1,), (0,)]


def test_every_region_is_in_one_group_and_unknown_places_come_last():
    names = ("A L", "B L", "C L")
    (group,) = anatomical_groups(names, centres(np.nan, 20, 10))
    assert group.regions == (2, 1, 0)
