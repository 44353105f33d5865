"""The window is closed by hand, with its X, while a training runs."""

import threading

from tests.tour.test_tour import pytestmark  # noqa: F401


def test_the_cross_of_the_window_keeps_the_training(make_napari_viewer, qtbot, failures):
    from napari_crbm.io import load_checkpoint
    from napari_crbm.model import Settings
    from napari_crbm.simulation import simulate
    from napari_crbm.viewer.docks.open import dock_everything
    from napari_crbm.viewer.home import home_of
    from napari_crbm.viewer.jobs.autosave import checkpoint_path

    recording = simulate(n_neurons=200, n_frames=400, n_assemblies=3, seed=0).recording
    viewer = make_napari_viewer(show=True)
    dock_everything(viewer)
    home = home_of(viewer)
    home.show(recording)
    home.runs.start_training(Settings.named("quick", n_hidden=4, n_updates=100_000))
    qtbot.waitUntil(lambda: home.runs.session.training.update > 20, timeout=300_000)
    session, window = home.runs.session, viewer.window._qt_window
    gone = []
    window.destroyed.connect(lambda: gone.append(True))
    # What the window manager asks for when the cross is pressed.
    window.windowHandle().close()
    qtbot.waitUntil(lambda: bool(gone), timeout=300_000)
    assert not session._thread.is_alive()
    assert not [t for t in threading.enumerate() if t.name == "napari-crbm training"]
    kept = load_checkpoint(checkpoint_path(recording))
    assert int(kept["update"]) > 20
    assert not failures
    # The fixture would close what is gone, and vispy would complain of it.
    del viewer.window._qt_window
    object.__setattr__(viewer, "close", viewer._layer_slicer.shutdown)
    viewer._instances.discard(viewer)
