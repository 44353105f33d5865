"""Wrong orientations are found out; transforms are what they say."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish
from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.anatomy.placement import (
    Placement,
    best_flips,
    fraction_inside,
    score_placements,
)
from napari_crbm.errors import RecordingError


@pytest.fixture(scope="module")
def neurons() -> np.ndarray:
    return larval_fish().sample(1500, np.random.default_rng(2))[0]


def test_flips_are_found_and_undone(neurons):
    atlas = fish_atlas()
    for flips in ((True, False, False), (False, True, False), (True, True, False)):
        wrong = Placement.onto(atlas, flips=flips).apply(neurons)
        assert fraction_inside(atlas, Placement.onto(atlas), wrong) < 0.9
        found, inside = best_flips(atlas, wrong)
        assert found.flips == flips and inside > 0.999
        np.testing.assert_allclose(found.apply(wrong), neurons, atol=1e-3)


def test_left_and_right_cannot_be_told_so_x_is_left_alone(neurons):
    atlas = fish_atlas()
    found, inside = best_flips(
        atlas, Placement.onto(atlas, flips=(False, False, True)).apply(neurons)
    )
    assert found.flips == (False, False, False) and inside > 0.98


def test_order_of_axes_and_units_are_found(neurons):
    atlas = fish_atlas()
    millimetres_xyz = neurons[:, ::-1] / 1000
    start = Placement.onto(atlas, scale=(1000.0,) * 3)
    table = score_placements(atlas, millimetres_xyz, start, any_order=True)
    assert len(table) == 48
    best = table.iloc[0]
    assert best["columns"] == "xyz" and best["inside"] > 0.98
    np.testing.assert_allclose(best["placement"].apply(millimetres_xyz), neurons, atol=1e-3)
    assert "axes read as xyz" in best["placement"].describe()
    assert "scaled by 1000" in best["placement"].describe()


def test_affine_maps_come_last(neurons):
    atlas = fish_atlas()
    matrix = ((1.0, 0, 0, 5), (0, 2.0, 0, 0), (0, 0, 1.0, -3))
    placement = Placement.onto(atlas, flips=(True, False, False), shift_um=(1, 0, 0), matrix=matrix)
    found = placement.apply(neurons[:1])[0]
    z, y, x = neurons[0].astype(float)
    np.testing.assert_allclose(found, [atlas.extent_um[0] - z + 1 + 5, 2 * y, x - 3])


def test_placements_without_sense_are_refused():
    atlas = fish_atlas()
    placement = Placement.onto(atlas)
    for field, value in (
        ("order", (0, 0, 1)),
        ("scale", (1.0, -1.0, 1.0)),
        ("matrix", ((1.0, 0, 0, 0),)),
        ("matrix", ((0.0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))),
    ):
        with pytest.raises(RecordingError):
            replace(placement, **{field: value})
