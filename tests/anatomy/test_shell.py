"""The shell of a brain: closed, around its neurons, and what is cut from it."""

import numpy as np
import pytest

from napari_crbm.anatomy import enclosing_surface
from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.anatomy.fish import larval_fish
from napari_crbm.anatomy.meshes import PlacedAtlas
from napari_crbm.anatomy.placement import Placement
from napari_crbm.anatomy.shell import atlas_shell, neuron_shell
from napari_crbm.errors import RecordingError


def is_closed(faces: np.ndarray) -> bool:
    """Whether every edge belongs to two triangles."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return bool((np.unique(edges, axis=0, return_counts=True)[1] == 2).all())


def ball_of_neurons(n: int = 4000, radius: float = 200.0) -> np.ndarray:
    generator = np.random.default_rng(0)
    away = generator.normal(size=(n, 3))
    away /= np.linalg.norm(away, axis=1)[:, None]
    return 500 + away * radius * np.cbrt(generator.random(n))[:, None]


@pytest.fixture(scope="module")
def brain() -> np.ndarray:
    return larval_fish().sample(3000, np.random.default_rng(0))[0]


def test_a_brain_gets_a_closed_surface_around_its_neurons(brain):
    shell = neuron_shell(brain)
    vertices, faces = shell.mesh
    assert is_closed(faces)
    assert 1000 < len(faces) < 9000, "cheap to draw"
    assert (shell.depth_at(brain) > 0).mean() > 0.99
    # It lies near the outermost neurons.
    margin = np.array([brain.min(axis=0) - vertices.min(axis=0), np.ptp(vertices, axis=0)])
    assert (margin[0] < 60).all() and (margin[0] > -20).all()


def test_the_shell_of_a_ball_is_a_ball():
    shell = neuron_shell(ball_of_neurons())
    vertices, _ = shell.mesh
    radius = np.linalg.norm(vertices - 500, axis=1)
    assert radius.std() / radius.mean() < 0.05
    assert 190 < radius.mean() < 250
    (polygon,) = shell.outline(0)
    assert np.linalg.norm(polygon - 500, axis=1).std() < 0.05 * radius.mean()
    (narrow,) = shell.outline(0, 660, 680)
    assert np.linalg.norm(narrow - 500, axis=1).mean() < 0.8 * radius.mean()
    assert shell.outline(0, 900, 920) == []
    (whole,) = shell.outline(2, -np.inf, np.inf)
    assert len(whole) > 20


def test_imaging_planes_are_bridged():
    generator = np.random.default_rng(1)
    planes = np.column_stack(
        [30.0 * generator.integers(0, 5, 3000), generator.random((3000, 2)) * (800, 500)]
    )
    shell = neuron_shell(planes)
    assert is_closed(shell.mesh[1])
    between = np.column_stack([np.full(50, 45.0), np.linspace(200, 600, 50), np.full(50, 250.0)])
    assert (shell.depth_at(between) > 0).all()


@pytest.mark.parametrize("kind", ["few", "plane", "line"])
def test_without_a_body_there_is_no_shell(kind, brain):
    points = {
        "few": brain[:20],
        "plane": brain * (0, 1, 1),
        "line": brain * (0, 1, 0),
    }[kind]
    assert neuron_shell(points) is None


def test_coordinates_must_have_three_columns():
    with pytest.raises(RecordingError, match="shape"):
        neuron_shell(np.zeros((100, 2)))


def test_bodies_are_kept_inside(brain):
    shell = neuron_shell(brain)
    edge = brain[np.argsort(shell.depth_at(brain))[:200]]
    vertices, _ = enclosing_surface(edge)
    assert (shell.depth_at(vertices) < -1).any(), "this body leaves the brain"
    kept = shell.keep_inside(vertices)
    assert shell.depth_at(kept).min() > -1
    inside = shell.depth_at(vertices) >= 0
    np.testing.assert_array_equal(kept[inside], vertices[inside])


def test_the_shell_of_an_atlas_is_where_the_recording_is():
    atlas = fish_atlas()
    placement = Placement.onto(atlas, flips=(False, True, False), shift_um=(0.0, 20.0, -10.0))
    shell = atlas_shell(PlacedAtlas(atlas, placement))
    assert is_closed(shell.mesh[1])
    points = np.random.default_rng(0).random((4000, 3)) * atlas.extent_um
    inside = atlas.structure_at(points) >= 0
    depth = shell.depth_at(placement.invert(points))
    assert ((depth > 0) == inside).mean() > 0.9
    assert (depth[inside] > -15).mean() > 0.97
