"""The key to the colours of several assemblies."""

import numpy as np
import pytest

from napari_crbm.palette import DARK, LIGHT
from napari_crbm.viewer.parts.assembly_key import AssemblyKey, assembly_key
from napari_crbm.viewer.state.workspace import Workspace


@pytest.fixture
def workspace(recording):
    made = Workspace()
    made.open(recording)
    weights = np.zeros((recording.n_neurons, 12), dtype=np.float32)
    weights[:30, 0] = weights[20:40, 1] = weights[50:, 2:] = 1.0
    made.show_forming(weights)
    return made


def test_it_names_colours_and_counts_shared_neurons(workspace):
    workspace.choose_assemblies((1, 0))
    for palette, name in ((DARK, "white"), (LIGHT, "black")):
        workspace.set_palette(palette)
        key = assembly_key(workspace)
        assert f"color: {palette.assembly(0)}" in key and f"color: {palette.assembly(1)}" in key
        assert key.index("</span> 1") < key.index("</span> 0"), "in the order of selection"
        assert f"{name}: 10 neurons in several" in key


def test_it_is_hidden_for_one_assembly_and_lists_eight(workspace, qtbot):
    label = AssemblyKey(workspace)
    qtbot.addWidget(label)
    workspace.choose_assembly(0)
    assert label.isHidden() and not label.text()
    workspace.choose_assemblies(range(12))
    assert not label.isHidden() and ", 4 more" in label.text()
