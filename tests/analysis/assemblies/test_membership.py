"""Which members a model carries, and when they are looked for."""

import numpy as np
import pytest

from napari_crbm.analysis import (
    assembly_evidence,
    assembly_table,
    find_missing_members,
    members_of,
    membership,
)
from napari_crbm.connectome import composition_table
from napari_crbm.errors import SettingError
from napari_crbm.model import CRBM, Members
from napari_crbm.simulation import simulate


@pytest.fixture(scope="module")
def recording():
    return simulate(n_neurons=200, n_frames=800, n_assemblies=4, seed=1).recording


@pytest.fixture(scope="module")
def fitted(recording):
    return CRBM(n_hidden=4, n_updates=60, random_state=0).fit(recording)


def bare(model, **changed):
    """Return the model as files of earlier versions hold it."""
    known = {"split": model.split_, "recording_fingerprint": model.recording_fingerprint_}
    return CRBM.from_parameters(
        model.weights_, model.fields_, model.hidden_, **{**known, **changed}
    )


def test_fit_finds_members_by_association(recording, fitted):
    assert fitted.members_.definition == "association" and fitted.members_.sizes.sum() > 40
    assert members_of(fitted) is fitted.members_
    again = find_missing_members(bare(fitted), recording)
    np.testing.assert_array_equal(membership(again), membership(fitted))
    fitted.partial_fit(recording)
    assert fitted.members_ is None, "they were those of other weights"
    fitted.find_members(recording)


def test_on_another_recording_members_are_by_weight(recording, fitted):
    other = bare(fitted, recording_fingerprint="another")
    assert find_missing_members(other, recording).members_ is None
    assert members_of(other).definition == "weight"
    assert (assembly_table(other, recording)["members_by"] == "weight").all()
    assert find_missing_members(other, recording, "association").members_ is not None


def test_one_choice_changes_every_table(recording, fitted):
    model = find_missing_members(bare(fitted), recording, "weight")
    by_weight = Members.by_weight(model.weights_)
    assert assembly_table(model, recording)["size"].tolist() == by_weight.sizes.tolist()
    counted = composition_table(model, recording.regions).groupby("assembly")["members"].max()
    by_association = composition_table(fitted, recording.regions)
    assert not counted.equals(by_association.groupby("assembly")["members"].max())
    coincidence = [
        assembly_evidence(each, recording).table["coincidence"] for each in (model, fitted)
    ]
    assert not np.allclose(*coincidence, equal_nan=True)
    with pytest.raises(SettingError, match="association"):
        model.find_members(recording, "loading")
