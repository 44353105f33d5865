"""The choice of a device in the Train dock."""

import pytest

from napari_crbm.viewer.docks.train import device_box
from napari_crbm.viewer.docks.train.device_box import DeviceBox


@pytest.mark.parametrize("problem", [None, "this machine has no NVIDIA GPU"])
def test_a_gpu_can_be_chosen_only_where_there_is_one(problem, monkeypatch, qtbot):
    monkeypatch.setattr(device_box, "gpu_problem", lambda: problem)
    box = DeviceBox()
    qtbot.addWidget(box)
    qtbot.waitUntil(lambda: "looking" not in box.toolTip())
    assert box.device == "cpu"
    assert box.model().item(1).isEnabled() == (problem is None)
    assert (problem or "Where the training computes") in box.toolTip()
    box.setCurrentIndex(1)
    assert box.device == "gpu"
