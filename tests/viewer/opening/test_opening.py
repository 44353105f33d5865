"""A recording comes to the canvas in pieces: the neurons first, and safely whatever happens."""

import gc
import threading

import numpy as np
import pytest

from napari_crbm.io import save_recording
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.open import dock_everything
from napari_crbm.viewer.layers.names import NEURONS, REGIONS, SHELL
from napari_crbm.viewer.layers.time_axis import TIME
from tests.viewer.conftest import until


def test_neurons_come_first_and_stay_on_top(viewer, home, recording, qtbot):
    home.show(recording)
    assert [layer.name for layer in viewer.layers] == [NEURONS], "seen at once, and alone"
    until(qtbot, lambda: not home.busy)
    assert {layer.name for layer in viewer.layers} == {TIME, SHELL, NEURONS}
    assert viewer.layers[-1].name == NEURONS and viewer.layers.selection.active.name == NEURONS


def test_the_next_recording_may_be_opened_at_once(viewer, home, recording, qtbot):
    other = simulate(n_neurons=300, n_frames=700, n_assemblies=3, seed=1).recording
    home.show(recording)
    home.show(other)
    until(qtbot, lambda: not home.busy)
    names = [layer.name for layer in viewer.layers]
    assert sorted(names) == sorted([TIME, SHELL, NEURONS]), "nothing twice"
    assert len(viewer.layers[NEURONS].data) == 300
    assert viewer.layers[TIME].data[-1, 0] == 699
    low, high = other.coordinates.min(axis=0) - 60, other.coordinates.max(axis=0) + 60
    vertices = viewer.layers[SHELL].data[0]
    assert (vertices > low).all() and (vertices < high).all()


def test_the_window_may_be_closed_at_once(make_napari_viewer, recording, qtbot, monkeypatch):
    from napari_crbm.viewer.home import home_of

    failed = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_value))
    viewer = make_napari_viewer()
    home_of(viewer).show(recording)
    assert SHELL not in viewer.layers and TIME not in viewer.layers
    with qtbot.captureExceptions() as caught:
        viewer.close()
        qtbot.wait(300)
    assert not caught and not failed


def test_bodies_are_not_drawn_anew_for_other_neurons(viewer, home, recording, qtbot):
    home.show(recording)
    view = home.workspace.region_view
    first, second, third = np.argsort(-recording.regions.counts)[:3]
    view.tick([first, second])
    until(qtbot, lambda: not home.busy and REGIONS in viewer.layers)
    drawn = []
    viewer.layers[REGIONS].events.data.connect(lambda: drawn.append(True))
    view.restrict(True)
    until(qtbot, lambda: not home.busy)
    assert not drawn and len(viewer.layers[NEURONS].data) < recording.n_neurons
    view.tick([third])
    until(qtbot, lambda: not home.busy)
    assert drawn and len(viewer.layers[REGIONS].metadata["regions"]) == 3


@pytest.mark.parametrize("way", ["open_viewer", "menu"])
def test_the_collector_leaves_alone_what_stays(qtbot, monkeypatch, make_napari_viewer, way):
    from napari_crbm.viewer import open_viewer
    from napari_crbm.viewer.docks.open import dock_everything

    monkeypatch.setattr("napari.Viewer", lambda **_: make_napari_viewer())
    gc.unfreeze()
    if way == "open_viewer":
        viewer = open_viewer()
    else:
        viewer = make_napari_viewer()
        dock_everything(viewer)
    assert gc.get_freeze_count() > 100_000, "napari and all docks"
    window, gone = viewer.window._qt_window, []
    window.destroyed.connect(lambda: gone.append(True))
    viewer.close()
    del window
    until(qtbot, lambda: gone)
    assert gc.get_freeze_count() == 0, "what is closed can be collected"


def test_what_docks_ask_of_a_recording_is_not_computed_in_the_window(
    viewer, home, recording, qtbot, tmp_path, monkeypatch
):
    from napari_crbm.anatomy import tree
    from napari_crbm.spikes import Spikes

    places = []

    def seen(kind, name):
        act = getattr(kind, name)

        def noted(*args, **options):
            places.append(threading.current_thread().name)
            return act(*args, **options)

        monkeypatch.setattr(kind, name, noted)

    seen(Spikes, "iter_dense")
    seen(tree, "_arranged")
    dock_everything(viewer)
    home.opening.open_file(save_recording(recording, tmp_path / "fish.h5"))
    until(qtbot, lambda: home.workspace.recording is not None and not home.busy)
    assert len(places) > 1 and "MainThread" not in places
