"""Labels in the viewer: the model carries them, and they come back."""

import numpy as np

from napari_crbm.labels import Label, Labels, NeuronGroup
from napari_crbm.viewer.jobs.kept_labels import LabelKeeper, forget, keep, kept, path_of
from napari_crbm.viewer.state.label_store import LabelStore
from tests.conftest import random_model

GROUP = NeuronGroup(np.array([1, 2]), Label("patch"))


def test_the_model_carries_the_labels_and_groups_stay_with_the_recording():
    store, model, other = LabelStore(), random_model(10, 3), random_model(10, 3, seed=1)
    heard = []
    store.changed.connect(lambda: heard.append("changed"))
    store.edited.connect(lambda: heard.append("edited"))
    store.add_group(GROUP)
    store.show(model)
    store.set_label(1, Label("a"))
    assert model.labels_.of(1).name == "a" and "patch" in model.labels_.groups
    assert heard == ["changed", "edited", "changed", "changed", "edited"]
    store.set_label(1, Label("a"))
    assert len(heard) == 5, "nothing has changed"
    store.show(other)
    assert not other.labels_.assemblies and "patch" in other.labels_.groups
    store.reset()
    assert not store.labels and other.labels_.groups


def test_kept_labels_come_back_until_the_model_is_saved():
    model = random_model(10, 3)
    model.labels_ = Labels({2: Label("b")}, {"patch": GROUP})
    assert kept(model) is None
    keep(model)
    assert kept(random_model(10, 3)).as_dict() == model.labels_.as_dict()
    assert kept(random_model(10, 3, seed=1)) is None, "those of another model"
    path_of(model).write_text("{damaged")
    assert kept(model) is None
    forget(model)
    forget(model)
    assert not path_of(model).exists()


def test_edits_are_kept_soon_and_shown_again(shown_home, qtbot, recording):
    workspace = shown_home.workspace
    model = workspace.trained.model
    workspace.labels.set_label(0, Label("tectum", starred=True))
    qtbot.waitUntil(lambda: path_of(model).exists())
    model.labels_ = Labels()
    workspace.open(recording)
    keeper = LabelKeeper(workspace, shown_home)
    shown_home.show(None, model)
    qtbot.waitUntil(lambda: workspace.labels.labels.of(0).name == "tectum")
    assert keeper.parent() is shown_home and workspace.trained.model.labels_.of(0).starred
    workspace.labels.set_label(0, Label())
