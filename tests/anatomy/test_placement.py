"""Wrong orientations are found out; transforms are what they say."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish
from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.anatomy.placement import (
    Placement,
    best_flips,
    centred,
    doubts,
    fraction_inside,
    likely_unit,
    read_affine,
    score_placements,
)
from napari_crbm.errors import FormatError, RecordingError


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


def test_turns_are_about_the_middle_of_the_atlas():
    atlas = fish_atlas()
    middle = np.asarray(atlas.extent_um) / 2
    ahead = middle - np.array([0, 100, 0])
    for turn, expected in (
        # By the right-hand rule; x points right, y back, z down.
        ((90, 0, 0), [0, 0, 100]),
        ((0, 90, 0), [0, -100, 0]),
        ((0, 0, 90), [-100, 0, 0]),
    ):
        placement = Placement.onto(atlas, turn_deg=turn)
        np.testing.assert_allclose(placement.apply(middle[None])[0], middle, atol=1e-9)
        np.testing.assert_allclose(placement.apply(ahead[None])[0] - middle, expected, atol=1e-9)
        assert "turned by" in placement.describe()


def test_every_placement_can_be_undone_and_is_one_matrix(neurons):
    atlas = fish_atlas()
    placement = Placement.onto(
        atlas,
        order=(2, 0, 1),
        flips=(True, False, True),
        scale=(1000.0, 900.0, 1100.0),
        turn_deg=(5, -3, 8),
        shift_um=(10, -20, 30),
        matrix=((1.0, 0.1, 0, 5), (0, 2.0, 0, 0), (0, 0, 1.0, -3)),
    )
    millimetres = neurons[:50, [1, 2, 0]] / 1000
    points = placement.apply(millimetres)
    np.testing.assert_allclose(placement.invert(points), millimetres, atol=1e-9)
    again = Placement.onto(atlas, matrix=tuple(map(tuple, placement.affine)))
    np.testing.assert_allclose(again.apply(millimetres), points, atol=1e-6)


def test_the_middle_of_the_neurons_is_brought_to_that_of_the_brain(neurons):
    atlas = fish_atlas()
    moved = neurons + np.array([300, -450, 120], dtype=np.float32)
    placement = centred(atlas, Placement.onto(atlas), moved)
    np.testing.assert_allclose(placement.shift_um, [-300, 450, -120], atol=25)
    before, after = (fraction_inside(atlas, p, moved) for p in (Placement.onto(atlas), placement))
    assert before < 0.2 and after > 0.9


def test_all_flips_are_found_after_the_neurons_were_centred(neurons):
    """A shift that is right without a flip is wrong with it."""
    atlas = fish_atlas()
    away = np.array([200, -350, 90])
    found = []
    for flips in product((False, True), repeat=3):
        wrong = Placement.onto(atlas, flips=flips).apply(neurons) + away
        start = centred(atlas, Placement.onto(atlas), wrong)
        best, inside = best_flips(atlas, wrong, start)
        # Left and right cannot be told.
        assert not best.flips[2]
        found.append(best.flips[:2] == flips[:2] and inside > 0.95)
    assert found == [True] * 8


def test_a_shift_that_was_set_by_hand_is_kept_where_it_is_right(neurons):
    atlas = fish_atlas()
    undone = Placement.onto(atlas, flips=(True, False, False), shift_um=(30, -50, 10))
    best, inside = best_flips(
        atlas, undone.invert(neurons), Placement.onto(atlas, shift_um=(30, -50, 10))
    )
    assert best.flips == (True, False, False) and best.shift_um == (30, -50, 10) and inside > 0.99


def test_doubtful_placements_are_named(neurons):
    atlas = fish_atlas()
    plain = Placement.onto(atlas)
    assert doubts(atlas, plain, neurons) == []
    off = neurons + np.array([0, 200, 0])
    assert 0.5 < fraction_inside(atlas, plain, off) < 0.7
    (few,) = doubts(atlas, plain, off)
    assert few.startswith("Only ") and "flips" in few
    # Pixels of 0.4 um taken for micrometres, beside the brain.
    pixels = neurons / 0.4 + 800
    few, size = doubts(atlas, plain, pixels)
    assert "Only 0 %" in few and "size of a pixel" in size
    (tie,) = doubts(atlas, plain, neurons, score_placements(atlas, neurons))
    assert "none, x" in tie


@pytest.mark.parametrize(("unit", "scale"), [(1.0, 1.0), (1e-3, 1000.0), (1e-6, 1e6), (1e3, 1e-3)])
def test_units_are_told_by_the_extent(neurons, unit, scale):
    assert likely_unit(fish_atlas(), neurons * unit) == pytest.approx(scale)


def test_affine_maps_are_read_from_text(tmp_path):
    path = tmp_path / "map.txt"
    path.write_text("# to the atlas\n1 0 0 5\n0, 1, 0, 0\n0\t0\t1\t-3\n")
    assert read_affine(path) == ((1, 0, 0, 5), (0, 1, 0, 0), (0, 0, 1, -3))
    for wrong, message in (
        ("1 0 0\n0 1 0\n0 0 1\n", "rows of 3, 3, 3"),
        ("", "rows of no numbers"),
        ("a b c d\n", "cannot be read"),
    ):
        path.write_text(wrong)
        with pytest.raises(FormatError, match=message):
            read_affine(path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_affine(tmp_path / "none.txt")


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
