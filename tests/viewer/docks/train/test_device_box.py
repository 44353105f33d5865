"""The choice of a device in the Train dock."""

import pytest

from napari_crbm.viewer.docks.train import device_box
from napari_crbm.viewer.docks.train.form import TrainForm
from tests.viewer.conftest import until


@pytest.mark.parametrize("problem", [None, "this machine has no NVIDIA GPU"])
def test_a_gpu_can_be_chosen_only_where_there_is_one(problem, monkeypatch, qtbot):
    monkeypatch.setattr(device_box, "gpu_problem", lambda: problem)
    form = TrainForm()
    qtbot.addWidget(form)
    field = form.fields["device"]
    box = field.native
    until(qtbot, lambda: "looking" not in box.toolTip())
    assert field.value == "cpu" and box.currentText() == "Processor"
    assert box.model().item(1).isEnabled() == (problem is None)
    assert (problem or "Where to compute") in box.toolTip()
    field.value = "gpu"
    assert form.settings().device == "gpu"
