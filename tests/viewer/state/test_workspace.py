import gc
import weakref

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.viewer.state.trained import Trained
from napari_crbm.viewer.state.workspace import Workspace


def a_model(n_neurons: int, n_hidden: int = 3) -> CRBM:
    generator = np.random.default_rng(0)
    ones, zeros = np.ones(n_hidden), np.zeros(n_hidden)
    return CRBM.from_parameters(
        generator.normal(size=(n_neurons, n_hidden)),
        np.full(n_neurons, -3.0),
        DReLU(ones, ones, zeros, zeros),
    )


def heard(workspace: Workspace) -> list[str]:
    names: list[str] = []
    for name in ("recording", "trained", "forming", "assembly", "neuron"):
        signal = getattr(workspace, f"{name}_changed")
        signal.connect(lambda name=name: names.append(name))
    return names


def test_changes_are_announced_once(recording):
    workspace = Workspace()
    workspace.open(recording)
    names = heard(workspace)
    workspace.show_model(Trained.of(a_model(recording.n_neurons), recording))
    assert names == ["trained", "assembly"]
    workspace.choose_assembly(workspace.assembly)
    workspace.choose_neuron(5)
    workspace.choose_neuron(5)
    assert names == ["trained", "assembly", "neuron"]


def test_what_was_chosen_in_a_preview_stays(recording):
    workspace = Workspace()
    workspace.open(recording)
    model = a_model(recording.n_neurons)
    workspace.preview(model, 1)
    workspace.choose_assemblies((2, 0))
    names = heard(workspace)
    workspace.show_model(Trained.of(model, recording))
    assert workspace.assemblies == (2, 0) and workspace.assembly == 0
    assert names == ["trained"] and not workspace.forming and not workspace.can_undo
    workspace.preview(model, 1)
    workspace.choose_assemblies((2, 0))
    workspace.show_model(Trained.of(a_model(recording.n_neurons), recording))
    assert len(workspace.assemblies) == 1, "another model: its most active assembly"


def test_another_recording_puts_the_model_away(recording):
    workspace = Workspace()
    workspace.open(recording)
    workspace.show_model(Trained.of(a_model(recording.n_neurons), recording))
    workspace.choose_neuron(3)
    workspace.open(recording)
    assert workspace.trained is None and workspace.assembly is None and workspace.neuron is None


def test_assemblies_that_do_not_exist_are_not_chosen(recording):
    workspace = Workspace()
    workspace.choose_assembly(0)
    assert workspace.assembly is None
    workspace.open(recording)
    workspace.show_model(Trained.of(a_model(recording.n_neurons), recording))
    before = workspace.assembly
    workspace.choose_assembly(99)
    assert workspace.assembly == before


def test_a_model_of_other_neurons_is_refused(recording):
    with pytest.raises(ModelError, match="trained on 7 neurons, the open recording has"):
        Trained.of(a_model(7), recording)


def test_workspaces_go_with_their_viewer():
    from napari.components import ViewerModel

    from napari_crbm.viewer.state.workspace import workspace_of

    viewer, other = ViewerModel(), ViewerModel()
    workspace = weakref.ref(workspace_of(viewer))
    same, different = workspace_of(viewer) is workspace(), workspace_of(other) is not workspace()
    assert same and different
    del viewer
    gc.collect()
    assert workspace() is None
