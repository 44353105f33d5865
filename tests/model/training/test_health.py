import re

import numpy as np
import pytest

from napari_crbm.errors import TrainingCollapsed
from napari_crbm.model import Settings, Training
from napari_crbm.model.training import health


def weights(*columns):
    return np.array(columns, dtype=np.float32).T


def test_idle_and_duplicate_units_are_named():
    found = weights([1, 0, 0, 1], [0, 0, 0, 0.01], [-2, 0.1, 0, -2], [0, 1, 1, 0])
    assert health.idle_units(found) == [1]
    assert health.duplicate_units(found) == [(0, 2)]
    words = health.spare_units(found)
    assert "number 1 is idle" in words
    assert "0 and 2" in words
    assert "2 assemblies would be equivalent" in words


def test_nothing_is_said_of_units_that_all_matter():
    assert health.spare_units(weights([1, 0, 0, 1], [0, 1, 1, 0])) is None


def test_all_idle_units_are_not_each_others_duplicates():
    assert health.duplicate_units(np.zeros((5, 3), dtype=np.float32)) == []


def test_a_finished_training_reports_spare_units(planted):
    spikes, _ = planted
    training = Training(spikes, Settings(n_hidden=6, n_updates=400, l1=0.05))
    last = list(training)[-1]
    assert last.phase == "finished"
    idle = health.idle_units(training.model().weights_)
    assert idle
    assert re.search("(is|are) idle", last.message)


def test_a_short_training_does_not_end_without_weights_unnoticed(planted):
    settings = Settings(n_hidden=3, n_updates=60, initialisation="random", l1=5.0)
    with pytest.raises(TrainingCollapsed, match="gone to zero"):
        for _ in Training(planted[0], settings):
            pass
