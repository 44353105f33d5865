import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish, region_colours
from napari_crbm.anatomy.fish import EXTENT_UM
from napari_crbm.errors import RecordingError


@pytest.fixture(scope="module")
def sampled():
    return larval_fish().sample(6000, np.random.default_rng(0))


def test_neurons_fill_a_brain_of_the_right_size(sampled):
    coordinates, regions = sampled
    assert coordinates.shape == (6000, 3)
    assert coordinates.dtype == np.float32
    assert (coordinates >= 0).all()
    assert (coordinates <= EXTENT_UM).all()
    depth, length, width = np.ptp(coordinates, axis=0)
    assert 240 < depth < 300
    assert 880 < length < 980
    assert 390 < width < 460
    assert regions.labelled.all()
    assert (np.asarray(regions.membership.sum(axis=1)) == 1).all()


def test_regions_lie_where_they_belong(sampled):
    coordinates, regions = sampled
    fish = larval_fish()

    def centre(name):
        return coordinates[regions.members(name)].mean(axis=0)

    assert centre("Optic tectum L")[2] < fish.midline_um < centre("Optic tectum R")[2]
    # Front to back, and dorsal above ventral.
    order = ["Olfactory bulb R", "Pallium R", "Optic tectum R", "Cerebellum R", "Rhombomere 7 R"]
    assert (np.diff([centre(name)[1] for name in order]) > 50).all()
    assert centre("Intermediate hypothalamus L")[0] > centre("Optic tectum L")[0] + 100
    assert regions.counts.argmax() in (
        fish.names.index("Optic tectum L"),
        fish.names.index("Optic tectum R"),
    )
    assert abs(centre("Interpeduncular nucleus")[2] - fish.midline_um) < 5


def test_both_sides_hold_equally_many_neurons(sampled):
    coordinates, _ = sampled
    right = (coordinates[:, 2] > larval_fish().midline_um).sum()
    assert abs(right - 3000) < 4 * np.sqrt(1500)


def test_tectal_neuropil_is_sparser_than_its_cell_layer():
    fish = larval_fish()
    tectum = next(part for part in fish.parts if part.name == "Optic tectum")
    assert tectum.cell_density(np.array([tectum.neuropil.centre]))[0] < 0.3
    assert tectum.cell_density(np.array([[90.0, 420.0, 60.0]]))[0] > 0.9


def test_the_same_generator_state_gives_the_same_neurons():
    first, _ = larval_fish().sample(500, np.random.default_rng(3))
    second, _ = larval_fish().sample(500, np.random.default_rng(3))
    np.testing.assert_array_equal(first, second)


def test_no_neurons_is_an_error():
    with pytest.raises(RecordingError, match="At least one neuron"):
        larval_fish().sample(0, np.random.default_rng(0))


def test_meshes_enclose_their_neurons_and_face_outwards(sampled):
    coordinates, regions = sampled
    meshes = larval_fish().region_meshes()
    assert tuple(name for name, _, _ in meshes) == larval_fish().names
    for name, vertices, faces in meshes:
        assert faces.max() == len(vertices) - 1
        corners = vertices[faces].astype(float)
        volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        assert volume > 1000, name
        inside = coordinates[regions.members(name)]
        if len(inside):
            assert (inside >= vertices.min(axis=0) - 4).all(), name
            assert (inside <= vertices.max(axis=0) + 4).all(), name
    by_name = {name: vertices for name, vertices, _ in meshes}
    mirrored = by_name["Pallium L"].copy()
    mirrored[:, 2] = 2 * larval_fish().midline_um - mirrored[:, 2]
    np.testing.assert_allclose(mirrored, by_name["Pallium R"], atol=1e-3)


def test_anatomy_knows_its_colours():
    fish = larval_fish()
    np.testing.assert_array_equal(fish.colours, region_colours(fish.names))
