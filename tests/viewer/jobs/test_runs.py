"""A training of the viewer: shown while it runs, ended with the window."""

import threading

import pytest

from napari_crbm.model import Settings
from napari_crbm.viewer.docks.open import dock_everything
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.names import ASSEMBLY
from tests.viewer.conftest import FAST, until

LONG = Settings(**{**FAST.as_dict(), "n_updates": 100_000})


def test_collapse_is_explained(home, recording, errors, qtbot):
    home.show(recording)
    home.runs.start_training(Settings(**{**LONG.as_dict(), "l1": 5.0}))
    until(qtbot, lambda: errors)
    assert "All weights have gone to zero" in errors[0]
    assert not home.runs.training


def test_assemblies_show_while_they_form(viewer, home, recording, qtbot):
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: ASSEMBLY in viewer.layers and viewer.layers[ASSEMBLY].visible)
    assert home.runs.training and home.workspace.trained is None
    home.close()


@pytest.mark.canvas
def test_the_dock_can_be_closed_while_training(viewer, home, recording, qtbot):
    dock_everything(viewer)
    home.show(recording)
    home.runs.start_training(FAST)
    viewer.window.remove_dock_widget("all")
    until(qtbot, lambda: home.workspace.trained is not None, 120_000)


def training_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "napari-crbm training"]


def test_closing_the_viewer_ends_the_training(make_napari_viewer, recording, qtbot):
    viewer = make_napari_viewer()
    dock_everything(viewer)
    home = home_of(viewer)
    home.show(recording)
    home.runs.start_training(LONG)
    until(qtbot, lambda: home.runs.session.training.update > 5)
    viewer.close()
    until(qtbot, lambda: not training_threads())


def test_a_model_is_not_mixed_into_a_running_training(
    viewer, home, recording, planted_model, errors, qtbot
):
    home.show(recording)
    home.runs.start_training(Settings.named("quick", n_hidden=4, n_updates=100_000))
    home.show(None, planted_model)
    assert errors == ["Stop the training before you open another model."]
    home.runs.session.control.stop()
    until(qtbot, lambda: not home.runs.training and not home.busy)
    assert home.workspace.n_assemblies in (0, 4)
