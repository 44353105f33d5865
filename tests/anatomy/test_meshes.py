"""Surfaces enclose the regions they stand for."""

import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish
from napari_crbm.anatomy.atlas import Structure, fish_atlas, volume_atlas
from napari_crbm.anatomy.meshes import PlacedAtlas, brain_mesh, region_mesh
from napari_crbm.anatomy.placement import Placement
from napari_crbm.errors import RecordingError

pytest.importorskip("skimage")


def signed_volume(mesh) -> float:
    """By the divergence theorem; the surface has to be closed, its sign tells in from out."""
    a, b, c = np.moveaxis(mesh[0].astype(np.float64)[mesh[1]], 1, 0)
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


def volume_of(mesh) -> float:
    return abs(signed_volume(mesh))


@pytest.fixture(scope="module")
def ball():
    """A ball of 60 um and a thin sheet, voxels of 4 um; x from the left."""
    grid = np.stack(np.meshgrid(*[4.0 * np.arange(50) + 2] * 3, indexing="ij"), axis=-1)
    labels = (np.linalg.norm(grid - 100, axis=-1) < 60).astype(np.uint8)
    labels[5, 10:40, 10:40] = 2
    structures = {1: Structure("Ball"), 2: Structure("Sheet"), 3: Structure("Nothing")}
    return volume_atlas("ball", labels, (4.0, 4.0, 4.0), structures)


def test_a_ball_has_its_volume_and_its_halves(ball):
    whole = region_mesh(ball, "Ball")
    expected = 4 / 3 * np.pi * 60**3
    assert volume_of(whole) == pytest.approx(expected, rel=0.03)
    np.testing.assert_allclose(np.linalg.norm(whole[0] - 100, axis=1), 60, atol=3)
    left, right = region_mesh(ball, "Ball L"), region_mesh(ball, "Ball R")
    assert volume_of(left) == pytest.approx(expected / 2, rel=0.05)
    assert left[0][:, 2].max() < 103 and right[0][:, 2].min() > 97


def test_thin_structures_are_not_smoothed_away(ball):
    vertices, _ = region_mesh(ball, "Sheet")
    np.testing.assert_allclose(vertices[:, 0].mean(), 22, atol=1)
    np.testing.assert_allclose(np.ptp(vertices[:, 1:], axis=0), 120, atol=8)


def test_a_structure_without_space_or_name_is_refused(ball):
    with pytest.raises(RecordingError, match="fills no space"):
        region_mesh(ball, "Nothing")
    with pytest.raises(RecordingError, match="no structure 'Cube L'"):
        region_mesh(ball, "Cube L")


def test_a_structure_includes_those_below_it():
    labels = np.zeros((12, 12, 12), dtype=np.uint8)
    labels[2:6, 2:10, 2:10], labels[6:10, 2:10, 2:10] = 1, 2
    structures = {1: Structure("Whole"), 2: Structure("Part", parent=0)}
    atlas = volume_atlas("nested", labels, (5.0, 5.0, 5.0), structures)
    assert volume_of(region_mesh(atlas, "Whole")) > 1.6 * volume_of(region_mesh(atlas, "Part"))


def test_the_brain_encloses_its_neurons():
    neurons, _ = larval_fish().sample(2000, np.random.default_rng(0))
    vertices, faces = brain_mesh(fish_atlas())
    assert np.all(vertices.min(axis=0) < neurons.min(axis=0) + 8)
    assert np.all(vertices.max(axis=0) > neurons.max(axis=0) - 8)
    inside = fish_atlas().inside(neurons).mean()
    extent = float(np.prod(fish_atlas().extent_um))
    filled = fish_atlas().inside(
        np.random.default_rng(1).random((20_000, 3)) * fish_atlas().extent_um
    )
    assert inside > 0.99 and volume_of((vertices, faces)) == pytest.approx(
        filled.mean() * extent, rel=0.05
    )


def test_bodies_are_where_the_neurons_are(ball):
    placement = Placement.onto(
        ball, order=(2, 1, 0), flips=(False, True, False), scale=(1000.0,) * 3, shift_um=(9, 0, 0)
    )
    body = PlacedAtlas(ball, placement).body("Ball L")
    expected = region_mesh(ball, "Ball L")
    np.testing.assert_allclose(placement.apply(body[0]), expected[0], atol=1e-2)
    assert np.sign(signed_volume(body)) == np.sign(signed_volume(expected)), "not inside out"
