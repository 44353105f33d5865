"""Files that earlier versions wrote can be read.

The files in ``earlier`` were written by the program of commit 58909e4, which held a recording of
60 neurons x 300 frames, a model of two hidden units, a checkpoint of another training of the same
recording, and a project with one animal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_crbm.analysis import assembly_table
from napari_crbm.connectome import load_project
from napari_crbm.errors import ModelError
from napari_crbm.io import load_checkpoint, load_model, open_recording
from napari_crbm.model import Settings, Training

EARLIER = Path(__file__).parent / "earlier"


@pytest.fixture(scope="module")
def recording():
    return open_recording(EARLIER / "recording.h5")


def test_a_recording_opens(recording):
    assert (recording.n_neurons, recording.n_frames) == (60, 300)
    assert recording.located.all() and len(recording.regions.names) > 1


def test_a_model_opens_explains_frames_and_lists_assemblies(recording):
    model = load_model(EARLIER / "model.h5")
    assert model.weights_.shape == (60, 2) and np.any(model.weights_)
    assert np.isfinite(model.score(recording.spikes))
    assert model.transform(recording.spikes).shape == (300, 2)
    assert len(assembly_table(model, recording)) == 2


def test_a_model_can_be_trained_further(recording):
    model = load_model(EARLIER / "model.h5")
    before = model.weights_.copy()
    model.partial_fit(recording.spikes)
    assert not np.array_equal(before, model.weights_)


def test_a_checkpoint_is_refused_in_a_sentence(recording):
    state = load_checkpoint(EARLIER / "checkpoint.h5")
    with pytest.raises(ModelError, match=r"has version 9, .* Train again from the start"):
        Training(recording.spikes, Settings(), resume=state)


def test_a_project_opens():
    animals = load_project(EARLIER / "project.h5")
    assert list(animals) == ["one"]
    (region_map,) = animals["one"].maps.values()
    assert region_map.values.shape == (len(region_map.names),) * 2
