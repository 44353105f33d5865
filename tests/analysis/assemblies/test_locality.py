"""Locally dense, globally sparse: planted clusters, scattered members, one side."""

import numpy as np
import pytest

from napari_crbm.analysis import assembly_table, locality
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

SIDE_UM = 100.0


def model_of(weights):
    units = DReLU(*(np.ones(weights.shape[1]) for _ in range(4)))
    return CRBM.from_parameters(weights, np.zeros(len(weights)), units)


@pytest.fixture(scope="module")
def recording():
    """4,000 neurons evenly in a cube; eight cubic regions."""
    rng = np.random.default_rng(0)
    place = rng.random((4000, 3)) * SIDE_UM
    label = (place > SIDE_UM / 2) @ [4, 2, 1]
    regions = Regions.from_labels(label, [f"octant {k}" for k in range(8)])
    spikes = Spikes.from_dense(rng.random((20, 4000)) < 0.1)
    return Recording(place, spikes, np.arange(20.0), name="cube", regions=regions)


@pytest.fixture(scope="module")
def weights(recording):
    """A tight cluster, scattered neurons, two clusters far apart, half of one side, one neuron."""
    rng = np.random.default_rng(1)
    place = recording.coordinates
    out = np.zeros((4000, 5), dtype=np.float32)
    centre = np.array([15.0, 15.0, 15.0])
    cluster = np.argsort(np.linalg.norm(place - centre, axis=1))[:60]
    mirrored = np.argsort(np.linalg.norm(place - (SIDE_UM - centre), axis=1))[:60]
    out[cluster, 0] = 1
    out[rng.choice(4000, 60, replace=False), 1] = 1
    out[np.concatenate([cluster[:30], mirrored[:30]]), 2] = 1
    out[rng.choice(np.flatnonzero(place[:, 2] > 52), 60, replace=False), 3] = 1
    out[7, 4] = 1
    return out


def test_clusters_are_denser_than_chance_by_what_was_planted(recording, weights):
    table = locality(model_of(weights), recording, n_shuffles=99).table
    # All neurons of a ball against 60 of 4,000: 67 times as dense, but for its surface.
    assert 30 < table.loc[0, "times_denser"] < 90
    assert table.loc[[0, 2], "neighbour_p"].max() == 0.01
    assert table.loc[1, "times_denser"] == pytest.approx(1, abs=0.5)
    assert table.loc[1, "neighbour_p"] > 0.05
    # Two clusters: dense although far from their common centre.
    assert table.loc[0, "compactness_p"] == 0.01 and table.loc[2, "compactness_p"] > 0.5


def test_regions_and_sides_against_chance(recording, weights):
    table = locality(model_of(weights), recording, n_shuffles=99).table
    assert table.loc[0, "n_regions"] == pytest.approx(1, abs=0.1)
    assert table.loc[1, "n_regions"] > 5 and table.loc[1, "n_regions_p"] > 0.05
    assert table.loc[2, "n_regions"] == pytest.approx(2, abs=0.1)
    assert table.loc[3, "laterality"] == pytest.approx(1, abs=0.1)
    assert table.loc[3, "laterality_p"] == 0.01 and table.loc[1, "laterality_p"] > 0.05
    assert table.loc[0, "share_of_neurons"] == 60 / 4000


def test_numbers_are_those_of_the_table_of_assemblies(recording, weights):
    known = assembly_table(model_of(weights), recording)
    found = locality(model_of(weights), recording, n_shuffles=19).table
    for name in ("size", "compactness_um", "laterality", "n_regions"):
        np.testing.assert_allclose(found[name][:4], known[name][:4], rtol=1e-5, atol=1e-9)


def test_one_neuron_is_nowhere_dense_and_the_verdict_counts(recording, weights):
    found = locality(model_of(weights), recording, n_shuffles=19)
    assert found.table.loc[4].drop(["size", "share_of_neurons"]).isna().all()
    assert found.verdict.startswith("3 of 4 assemblies") and "regions" in found.verdict
    nothing = locality(model_of(weights[:, 4:]), recording, n_shuffles=19)
    assert "No assembly has two members" in nothing.verdict


def test_a_flat_recording_without_regions(recording, weights):
    place = recording.coordinates.copy()
    place[:, 0] = 0
    flat = Recording(place, recording.spikes, recording.times, name="flat")
    table = locality(model_of(weights[:, :2]), flat, n_shuffles=19).table
    assert "n_regions" not in table and table.loc[1, "times_denser"] == pytest.approx(1, abs=0.5)


def test_senseless_requests_are_refused(recording, weights):
    with pytest.raises(ModelError, match="at least 19 shuffles"):
        locality(model_of(weights), recording, n_shuffles=5)
    with pytest.raises(ModelError, match="10 neurons"):
        locality(model_of(weights[:10]), recording)
