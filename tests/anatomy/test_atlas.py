"""Atlases of every kind, offline: the parametric fish, volumes, BrainGlobe's cache."""

import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish
from napari_crbm.anatomy.atlas import (
    Structure,
    axes_from,
    fish_atlas,
    open_atlas,
    volume_atlas,
)
from napari_crbm.anatomy.volume_files import read_names
from napari_crbm.errors import FormatError, RecordingError

RNG = np.random.default_rng(0)


def test_the_parametric_fish_is_an_atlas_that_agrees_with_its_neurons():
    coordinates, regions = larval_fish().sample(3000, np.random.default_rng(1))
    atlas = open_atlas("larval-fish")
    assert atlas.inside(coordinates).mean() > 0.999
    found = atlas.regions_of(coordinates)
    for name in found.names:
        assert set(found.members(name)) == set(regions.members(name))
    vertices, faces = atlas.meshes(0)
    assert faces.max() < len(vertices)
    assert not atlas.inside(coordinates + np.array([1000, 0, 0])).any()
    assert len(atlas.brain_points) > 1000


def small_volume() -> np.ndarray:
    labels = np.zeros((4, 6, 8), dtype=np.uint8)
    labels[:2, :, :] = 1
    labels[2:, :3, 2:6] = 2
    return labels


STRUCTURES = {1: Structure("Top"), 2: Structure("Bottom front")}


def test_volumes_are_looked_up_by_voxel():
    atlas = volume_atlas("small", small_volume(), (10.0, 5.0, 2.0), STRUCTURES)
    np.testing.assert_allclose(atlas.extent_um, [40, 30, 16])
    points = np.array([[1, 1, 1], [25, 14.9, 5], [25, 15.1, 5], [41, 1, 1], [-1, 1, 1]])
    np.testing.assert_array_equal(atlas.structure_at(points), [0, 1, -1, -1, -1])
    regions = atlas.regions_of(points)
    assert regions.names == ("Top L", "Bottom front L")
    assert atlas.regions_of(points, sides=False).names == ("Top", "Bottom front")


@pytest.mark.parametrize("orientation", ["sal", "las", "ipr", "rai", "psl"])
def test_orientation_tells_where_axes_start(orientation):
    """The same volume stored in another orientation is the same atlas."""
    labels = small_volume()
    order, flips = axes_from(orientation)
    stored = labels[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    stored = np.transpose(stored, np.argsort(order))
    spacing = np.empty(3)
    spacing[list(order)] = [10.0, 5.0, 2.0]
    atlas = volume_atlas("turned", stored, tuple(spacing), STRUCTURES, orientation)
    straight = volume_atlas("small", labels, (10.0, 5.0, 2.0), STRUCTURES)
    points = RNG.random((500, 3)) * straight.extent_um
    np.testing.assert_array_equal(atlas.structure_at(points), straight.structure_at(points))


def test_wrong_orientations_are_refused():
    for wrong in ("sa", "ssl", "xyz", "siap"):
        with pytest.raises(RecordingError, match="one letter of each"):
            axes_from(wrong)


def test_regions_at_any_level_of_the_tree():
    structures = {
        1: Structure("Forebrain"),
        2: Structure("Pallium", parent=0),
        3: Structure("Dorsal pallium", parent=1),
        4: Structure("Hindbrain"),
    }
    labels = np.array([1, 2, 3, 4]).reshape(4, 1, 1)
    atlas = volume_atlas("tree", labels, (1.0, 1.0, 1.0), structures)
    points = np.array([[0.5, 0.5, 0.2], [1.5, 0.5, 0.2], [2.5, 0.5, 0.2], [3.5, 0.5, 0.2]])
    assert atlas.n_levels == 3
    assert atlas.regions_of(points, sides=False).names == tuple(
        structure.name for structure in structures.values()
    )
    top = atlas.regions_of(points, level=0, sides=False)
    assert top.names == ("Forebrain", "Hindbrain")
    np.testing.assert_array_equal(top.counts, [3, 1])
    middle = atlas.regions_of(points, level=1, sides=False)
    np.testing.assert_array_equal(middle.members("Pallium"), [1, 2])
    every = atlas.regions_of(points, level=-1, sides=False)
    np.testing.assert_array_equal(every.counts, [3, 2, 1, 1])
    assert atlas.regions_of(points + 100).names == ()


def test_names_are_read_with_and_without_tree(tmp_path):
    plain = tmp_path / "names.txt"
    plain.write_text("1\tPallium\n2\tTectum, optic\n")
    assert [s.name for s in read_names(plain).values()] == ["Pallium", "Tectum, optic"]
    tree = tmp_path / "tree.csv"
    tree.write_text("label,path\n0,\n1,Forebrain / Habenula\n2,Forebrain / Pallium\n3,Hindbrain\n")
    with pytest.raises(FormatError, match="region 1: a label"):
        read_names(tree)
    tree.write_text("label,path\n1,Forebrain / Habenula\n2,Forebrain / Pallium\n3,Hindbrain\n")
    found = read_names(tree)
    names = [structure.name for structure in found.values()]
    assert names == ["Forebrain", "Habenula", "Pallium", "Hindbrain"]
    assert [s.parent for s in found.values()] == [None, 0, 0, None] and found[2].name == "Pallium"
    tree.write_text("1,A / B / C / D\n2,A / B / E\n")
    found = read_names(tree)
    assert [s.name for s in found.values()] == ["A", "B", "C", "D", "E"]
    assert [s.parent for s in found.values()] == [None, 0, 1, 2, 1]
    assert found[1].name == "D" and found[2].name == "E"
    tree.write_text("1,a\n1,b\n")
    with pytest.raises(FormatError, match="label 1 twice"):
        read_names(tree)


def write(path, labels):
    if path.suffix == ".tif":
        import tifffile

        metadata = {"axes": "ZYX", "spacing": 10.0, "unit": "um"}
        tifffile.imwrite(path, labels, imagej=True, resolution=(0.5, 0.5), metadata=metadata)
    elif path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".mat":
        from scipy.io import savemat

        savemat(path, {"imageStack": labels})
    elif path.suffix == ".nrrd":
        pytest.importorskip("nrrd").write(str(path), labels, {"spacings": [10.0, 2.0, 2.0]})
    else:
        nibabel = pytest.importorskip("nibabel")
        # x from the left, y from behind, z from below, in millimetres: NIfTI's RAS.
        image = nibabel.Nifti1Image(
            labels.transpose(2, 1, 0)[:, ::-1, ::-1], np.diag([2e-3, 2e-3, 1e-2, 1])
        )
        image.header.set_xyzt_units("mm")
        nibabel.save(image, path)


@pytest.mark.parametrize("ending", [".tif", ".npy", ".mat", ".nrrd", ".nii.gz"])
def test_volumes_are_read_from_files(tmp_path, ending):
    path = tmp_path / f"brain{ending}"
    write(path, small_volume())
    names = tmp_path / "names.csv"
    names.write_text("1,Top\n2,Bottom front\n")
    tells = ending in (".tif", ".nrrd", ".nii.gz")
    atlas = open_atlas(path, names=names, spacing_um=None if tells else (10.0, 2.0, 2.0))
    straight = volume_atlas("small", small_volume(), (10.0, 2.0, 2.0), STRUCTURES)
    np.testing.assert_allclose(atlas.extent_um, straight.extent_um)
    points = RNG.random((500, 3)) * straight.extent_um
    np.testing.assert_array_equal(atlas.structure_at(points), straight.structure_at(points))
    if not tells:
        with pytest.raises(FormatError, match="size of its voxels"):
            open_atlas(path)


def test_files_that_are_no_volumes_are_refused(tmp_path):
    path = tmp_path / "flat.npy"
    np.save(path, np.zeros((3, 3)))
    with pytest.raises(FormatError, match="2 axes"):
        open_atlas(path, spacing_um=(1, 1, 1))
    np.save(path, np.full((3, 3, 3), 0.5))
    with pytest.raises(FormatError, match="fractions"):
        open_atlas(path, spacing_um=(1, 1, 1))
    np.save(path, np.array([{}, 1, None]))
    with pytest.raises(FormatError, match="cannot be read"):
        open_atlas(path, spacing_um=(1, 1, 1))
    with pytest.raises(FormatError, match="no label volume"):
        open_atlas(tmp_path / "picture.jpg")
    with pytest.raises(FormatError, match="no file"):
        open_atlas(tmp_path / "none.tif")


def test_without_the_library_an_atlas_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "brainglobe_atlasapi", None)
    with pytest.raises(RecordingError, match="install the extra 'atlas'"):
        open_atlas("mpin_zfish_1um")


def test_fish_atlas_has_one_colour_a_structure():
    atlas = fish_atlas()
    colours = atlas.colours(("Pallium L", "Pallium R", "Habenula L"))
    np.testing.assert_array_equal(colours[0], colours[1])
    assert not np.array_equal(colours[0], colours[2])
