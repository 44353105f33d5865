"""The Dreams dock: what is generated, both sides on the canvas, playing, export, and leaving."""

import numpy as np
import pytest

from napari_crbm.io import save_temporal
from napari_crbm.temporal import TemporalModel
from napari_crbm.temporal.lags import lag_functions
from napari_crbm.viewer.docks.dreams.widget import DreamsWidget
from napari_crbm.viewer.docks.open import open_dock
from napari_crbm.viewer.layers.dreams import GENERATED, RECORDED
from tests.viewer.conftest import until

MODULE = "napari_crbm.viewer.docks.dreams.widget"


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("napari_crbm.analysis.dreams.making._SAMPLES", 150)
    monkeypatch.setattr("napari_crbm.analysis.dreams.making._MOVIE_FRAMES", 60)
    from napari_crbm.model.sampling.draw import draw

    monkeypatch.setitem(draw.__kwdefaults__, "max_burn_in", 20)


@pytest.fixture
def dock(home, qtbot, monkeypatch):
    widget = DreamsWidget(home.viewer)
    qtbot.addWidget(widget)
    widget.said = []
    monkeypatch.setattr(f"{MODULE}.show_error", widget.said.append)
    monkeypatch.setattr(f"{MODULE}.show_info", widget.said.append)
    return widget


@pytest.fixture
def shown(dock, shown_home):
    return dock


@pytest.fixture
def temporal_file(recording, planted_model, tmp_path):
    """A temporal model without couplings."""
    rbm, frames = planted_model.rbm_, np.arange(recording.n_frames)
    mean_h = rbm.mean_h_from_v(recording.spikes)
    functions = lag_functions(4, 2)
    model = TemporalModel(
        rbm,
        functions,
        np.zeros((2, rbm.n_hidden, rbm.n_hidden)),
        np.zeros(rbm.n_hidden),
        rbm.fields,
        mean_h.mean(axis=0, dtype=float),
        mean_h.std(axis=0, dtype=float),
        recording.frame_interval_s,
        split={"train": frames[4:700], "validation": frames[:0], "test": frames[700:]},
    )
    return save_temporal(model, tmp_path / "temporal.h5")


def pick(dock, kind):
    dock.kind.setCurrentIndex(dock.kind.findData(kind))


def generate(dock, qtbot):
    dock.start.click()
    until(qtbot, lambda: dock._job is None)


def test_without_a_model_it_says_what_is_missing(dock):
    assert "Open a recording and a model" in dock.message.text()
    assert not dock.start.isEnabled() and dock.player.isHidden()


def test_snapshots_are_drawn_beside_recorded_frames(shown, home, qtbot):
    shown.frames.setValue(5)
    visible = [layer.name for layer in home.viewer.layers if layer.visible]
    generate(shown, qtbot)
    assert shown.said == [] and shown.dream.generated.n_frames == 5
    recorded, generated = home.viewer.layers[RECORDED], home.viewer.layers[GENERATED]
    assert generated.data[:, 2].min() > recorded.data[:, 2].max()
    assert generated.metadata["generated_by"] == "model"
    assert all(not home.viewer.layers[name].visible for name in visible)
    assert "means nothing" in shown.verdict.text()
    assert len(shown.table.source.table) == 6
    shown.slider.setValue(3)
    bright = home.viewer.layers[GENERATED].face_color[:, 3] > 0.9
    assert np.array_equal(bright, shown.dream.generated.spikes.dense()[3] > 0)
    bright = home.viewer.layers[RECORDED].face_color[:, 3] > 0.9
    assert np.array_equal(bright, shown.dream.recorded.spikes.dense()[3] > 0)
    assert shown.clock.text() == "4 of 5"
    shown._leave()
    assert RECORDED not in home.viewer.layers and GENERATED not in home.viewer.layers
    assert all(home.viewer.layers[name].visible for name in visible)


def test_it_plays_in_a_loop(shown, qtbot):
    shown.frames.setValue(3)
    generate(shown, qtbot)
    shown._timer.setInterval(1)
    frames = []
    shown.slider.valueChanged.connect(frames.append)
    shown.play.click()
    shown._timer.start(1)
    until(qtbot, lambda: frames[:4] == [1, 2, 0, 1])
    assert shown.play.text() == "Pause"
    shown.play.click()
    assert not shown.playing and shown.play.text() == "Play"


def test_a_held_state_follows_the_frame_of_the_viewer(shown, home, qtbot):
    pick(shown, "held")
    assert not shown.frame.isHidden()
    home.workspace.choose_frame(42)
    assert shown.frame.value() == 42
    generate(shown, qtbot)
    assert (shown.dream.frames == 42).all() and "Frame 42" in shown.verdict.text()


def test_a_movie_needs_a_temporal_model_and_is_exported(shown, home, temporal_file, qtbot):
    pick(shown, "copula")
    assert "only it has an order of frames" in shown.message.text()
    assert not shown.start.isEnabled() and shown.frames.value() == 120
    shown.read_temporal(temporal_file.parent / "missing.h5")
    assert len(shown.said) == 1
    shown.read_temporal(temporal_file)
    shown.frames.setValue(8)
    for kind in ("temporal", "copula"):
        pick(shown, kind)
        generate(shown, qtbot)
        assert shown.dream.source == kind and shown.dream.frames[0] > 700
        assert shown.clock.text().endswith(" s")
    for name in ("dream.gif", "dream.png"):
        shown.write(temporal_file.parent / name)
        until(qtbot, shown.export.isEnabled)
        assert (temporal_file.parent / name).stat().st_size > 1000
    assert all("Wrote" in each for each in shown.said[1:])


def test_it_can_be_cancelled_and_forgets_another_model(shown, home, trained_model, qtbot):
    shown.start.click()
    assert shown.start.text() == "Cancel"
    shown.start.click()
    until(qtbot, lambda: shown._job is None)
    assert shown.dream is None
    shown.frames.setValue(3)
    generate(shown, qtbot)
    home.show(None, trained_model)
    until(qtbot, lambda: home.workspace.trained and home.workspace.trained.model is trained_model)
    assert shown.dream is None and shown.player.isHidden()
    assert GENERATED not in home.viewer.layers


def test_the_dock_opens_from_the_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    assert open_dock(viewer, "Dreams").findChild(DreamsWidget) is not None
