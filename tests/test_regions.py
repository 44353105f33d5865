from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.regions import Regions

DENSE = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 2]])
NAMES = ["Tectum", "Pallium", "Habenula"]


@pytest.fixture
def regions():
    return Regions.from_dense(DENSE, NAMES)


def test_membership(regions):
    np.testing.assert_array_equal(regions.counts, [2, 0, 2])
    np.testing.assert_array_equal(regions.members("Tectum"), [0, 2])
    np.testing.assert_array_equal(regions.members("Pallium"), [])
    assert regions.of_neuron(0) == ["Tectum", "Habenula"]
    assert regions.of_neuron(1) == []
    np.testing.assert_array_equal(regions.labelled, [True, False, True, True])
    assert regions.n_neurons == 4
    assert "3 of 4 neurons labelled" in repr(regions)


def test_an_unknown_region_is_named(regions):
    with pytest.raises(RecordingError, match="no region 'Retina'"):
        regions.members("Retina")


def test_from_labels():
    regions = Regions.from_labels([2, -1, 0, 2], NAMES)
    np.testing.assert_array_equal(regions.members("Habenula"), [0, 3])
    np.testing.assert_array_equal(regions.counts, [1, 0, 2])
    np.testing.assert_array_equal(regions.labelled, [True, False, True, True])


@pytest.mark.parametrize("label", [3, 7])
def test_labels_without_a_name_are_refused(label):
    with pytest.raises(RecordingError, match=f"label {label}"):
        Regions.from_labels([0, label], NAMES)


def test_selection(regions):
    chosen = regions.select_neurons(np.array([3, 0]))
    np.testing.assert_array_equal(chosen.membership.toarray(), DENSE[[3, 0]] > 0)
    np.testing.assert_array_equal(chosen.counts, [1, 0, 2])
    masked = regions.select_neurons(np.array([True, False, False, True]))
    np.testing.assert_array_equal(masked.membership.toarray(), DENSE[[0, 3]] > 0)


def test_some_of_the_regions(regions):
    some = regions.among([regions.names[-1], "nowhere"])
    assert some.names == regions.names[-1:] and some.n_neurons == regions.n_neurons
    np.testing.assert_array_equal(some.members(some.names[0]), regions.members(some.names[0]))
    with pytest.raises(RecordingError, match="None of the regions"):
        regions.among(["nowhere"])


@pytest.mark.parametrize("kind", [sparse.coo_array, sparse.csr_array, sparse.csc_matrix])
def test_any_sparse_matrix_will_do(kind, regions):
    made = Regions(kind(DENSE), tuple(NAMES))
    np.testing.assert_array_equal(made.counts, regions.counts)
    assert made.membership.dtype == bool


def test_stored_zeros_and_repetitions_are_not_counted():
    matrix = sparse.csc_array(
        (np.array([1, 0, 1]), (np.array([0, 1, 0]), np.array([0, 0, 0]))), shape=(3, 1)
    )
    regions = Regions(matrix, ("Tectum",))
    np.testing.assert_array_equal(regions.members("Tectum"), [0])
    np.testing.assert_array_equal(regions.counts, [1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Regions.from_dense(DENSE, ["a", "b"]), "3 columns, but 2 region names"),
        (lambda: Regions.from_dense(DENSE, ["a", "b", "a"]), "unique; repeated: a"),
        (lambda: Regions.from_dense(DENSE[0], NAMES), "two axes"),
    ],
)
def test_contradictions_are_named(make, message):
    with pytest.raises(RecordingError, match=message):
        make()
