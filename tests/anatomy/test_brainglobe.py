"""BrainGlobe atlases through the library itself, from its cache on disk, without a network."""

import socket

import numpy as np
import pytest

from napari_crbm.anatomy.atlas import cached_brainglobe, open_atlas
from napari_crbm.anatomy.meshes import brain_mesh, region_mesh
from napari_crbm.errors import RecordingError
from tests.anatomy.brainglobe_cache import NAME, write_cache

pytest.importorskip("brainglobe_atlasapi")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*_):
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Write an atlas to a cache of its own, and point the library there."""

    def write(**options):
        from brainglobe_atlasapi import config

        settings = tmp_path / "settings"
        write_cache(settings, tmp_path / "atlases", **options)
        monkeypatch.setenv("BRAINGLOBE_CONFIG_DIR", str(settings))
        monkeypatch.setattr(config, "CONFIG_PATH", settings / config.CONFIG_FILENAME)

    return write


def test_a_cached_atlas_opens_offline_in_our_axes(cache):
    cache()
    assert cached_brainglobe() == [NAME]
    atlas = open_atlas(NAME)
    # The library's axes start anterior, superior, right.
    np.testing.assert_allclose(atlas.extent_um, [80, 120, 160])
    points = np.array([[5.0, 5, 155], [5, 5, 5], [5, 45, 80], [65, 95, 80], [81, 5, 5]])
    names = [s.name for s in atlas.structures]
    assert names == ["Forebrain", "Pallium", "Hindbrain"], "the root is no region"
    np.testing.assert_array_equal(atlas.structure_at(points), [1, 0, -1, 2, -1])
    assert [s.acronym for s in atlas.structures] == ["FB", "P", "HB"]
    assert [s.parent for s in atlas.structures] == [None, 0, None]
    assert atlas.regions_of(points).names == ("Forebrain L", "Pallium R", "Hindbrain L")
    assert atlas.regions_of(points, level=0, sides=False).names == ("Forebrain", "Hindbrain")
    np.testing.assert_allclose(atlas.colours(("Pallium L",))[0, :3], [0, 1, 0])


def test_surfaces_come_from_the_cache_or_are_made(cache):
    cache()
    atlas = open_atlas(NAME)
    vertices, faces = region_mesh(atlas, "Pallium")
    np.testing.assert_allclose(vertices.min(axis=0), [0, 0, 80], atol=0.01)
    np.testing.assert_allclose(vertices.max(axis=0), [40, 40, 160], atol=0.01)
    assert len(faces) == 6
    assert atlas.meshes(2) is None, "not in the cache, and nothing is fetched"
    vertices, _ = region_mesh(atlas, "Hindbrain R")
    np.testing.assert_allclose(vertices.min(axis=0), [20, 60, 80], atol=2)
    np.testing.assert_allclose(vertices.max(axis=0), [80, 120, 120], atol=2)
    vertices, _ = brain_mesh(atlas)
    np.testing.assert_allclose(vertices.max(axis=0), [80, 120, 160], atol=2)


def test_an_atlas_that_is_not_cached_is_said_so(cache):
    cache()
    with pytest.raises(RecordingError, match=rf"not on this machine.*{NAME}.*brainglobe install"):
        open_atlas("mpin_zfish_1um")
    with pytest.raises(RecordingError, match=r"could not be fetched.*internet connection"):
        open_atlas("mpin_zfish_1um", download=True)


def test_an_atlas_of_which_the_volume_is_missing_is_said_so(cache):
    cache(with_volume=False)
    with pytest.raises(RecordingError, match=r"only in part.*internet connection"):
        open_atlas(NAME)
