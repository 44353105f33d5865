"""The Time dock: cursor, playing, peaks, rasters, and what flashes in the brain."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_crbm.analysis import peaks
from napari_crbm.viewer.docks.time.trace_panel import POPULATION
from napari_crbm.viewer.docks.time.widget import TimeWidget, _row_ticks
from napari_crbm.viewer.layers.fading_activity import fading_activity
from napari_crbm.viewer.layers.names import ACTIVE
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    widget = TimeWidget(home.viewer)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def idle(home, qtbot):
    until(qtbot, lambda: not home.busy)


def test_it_says_what_to_do_next(dock, home, recording, qtbot):
    assert "No recording" in dock.message.text() and dock.body.isHidden()
    home.show(recording)
    idle(home, qtbot)
    assert dock.message.isHidden() and dock.rows_of.currentText() == "Neurons"
    assert not dock.later.isEnabled() and ACTIVE not in home.viewer.layers


def test_the_frame_at_the_cursor_is_in_the_brain(dock, home, recording, qtbot):
    home.show(recording)
    dock.slider.setValue(17)
    assert home.workspace.frame == 17
    layer = home.viewer.layers[ACTIVE]
    shown, bright = layer.features["neuron"].to_numpy(), layer.face_color[:, 3]
    active = np.flatnonzero(recording.spikes.dense(slice(17, 18))[0])
    np.testing.assert_array_equal(np.sort(shown[bright == 1]), active)
    np.testing.assert_allclose(layer.data, recording.coordinates[shown])
    assert f"{len(active):,} neurons active" in dock.readout.text()
    assert all(cursor.value() == recording.times[17] for cursor in dock.cursors)
    dock.shown.setChecked(False)
    assert home.workspace.frame is None and not layer.visible


def test_activity_fades(recording):
    glow = fading_activity(recording, 100)
    now, before = (recording.spikes.dense(slice(f, f + 1))[0].astype(bool) for f in (100, 99))
    assert (glow[now] == 1).all()
    faded = np.exp(-recording.frame_interval_s / 0.5)
    np.testing.assert_allclose(glow[before & ~now], faded, rtol=1e-5)
    assert (
        np.flatnonzero(fading_activity(recording, 0)).tolist()
        == np.flatnonzero(recording.spikes.dense(slice(0, 1))[0]).tolist()
    )


def test_playing_moves_on_and_stops_at_the_end(dock, home, recording, qtbot):
    home.show(recording)
    dock.slider.setValue(recording.n_frames - 200)
    dock.play.click()
    assert dock.playing and "Pause" in dock.play.text()
    seen = set()
    home.workspace.frame_changed.connect(lambda: seen.add(home.workspace.frame))
    # Slowly at first, so that a busy machine shows several frames as well.
    until(qtbot, lambda: len(seen) > 3)
    dock.speed.setCurrentText("30 x")
    until(qtbot, lambda: not dock.playing)
    assert home.workspace.frame == recording.n_frames - 1
    dock.play.click()
    assert dock.playing and home.workspace.frame < 20
    dock.play.click()
    assert not dock.playing


def test_keys_step_and_stay_inside(dock, home, recording, qtbot):
    home.show(recording)
    dock.show()
    dock.slider.setFocus()
    qtbot.keyClick(dock, Qt.Key.Key_Period)
    if home.workspace.frame is None:
        # Without a window manager shortcuts may not be delivered; the buttons do the same.
        dock.forward.click()
    assert home.workspace.frame == 1
    dock.back.click()
    dock.back.click()
    assert home.workspace.frame == 0


def test_a_model_that_comes_later_is_counted_and_its_rows_are_numbered(
    dock, home, recording, planted_model, qtbot
):
    home.show(recording)
    idle(home, qtbot)
    assert "assemblies" not in dock.readout.text()
    home.show(None, planted_model)
    until(qtbot, lambda: home.workspace.trained is not None)
    until(qtbot, lambda: dock._raster is not None and not home.busy)
    # Fewer than five if the test on held-out frames has left one uncertain.
    counted = int(home.workspace.trained.counted.sum())
    assert counted > 2 and f"of {counted} assemblies on" in dock.readout.text()
    # Rows are sorted by similarity: places say nothing, numbers do.
    ticks = dock.raster.getAxis("left")._tickLevels[0]
    assert [name for _, name in ticks] == [str(row) for row in dock._raster.rows]
    assert [place for place, _ in ticks] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert len(_row_ticks(np.arange(200))) == 25
    dock.rows_of.setCurrentText("Neurons")
    idle(home, qtbot)
    assert dock.raster.getAxis("left")._tickLevels is None


def test_peaks_of_the_chosen_assembly(dock, trained_home, qtbot):
    workspace = trained_home.workspace
    found = peaks(workspace.trained.activity[:, workspace.assembly])
    assert len(found) > 1
    dock.slider.setValue(0)
    visited = []
    for _ in range(2):
        dock.later.click()
        visited.append(workspace.frame)
    np.testing.assert_array_equal(visited, found[found > 0][:2])
    dock.earlier.click()
    assert workspace.frame == visited[0]
    assert "assemblies on" in dock.readout.text()


def test_a_click_in_the_raster_chooses_time_and_assembly(dock, trained_home, recording, qtbot):
    idle(trained_home, qtbot)
    dock.resize(420, 700)
    dock.show()
    qtbot.wait(50)
    raster = dock._raster
    assert raster.image.shape == (8, recording.n_frames)
    view = dock.raster.getPlotItem().getViewBox()

    class Click:
        def scenePos(self):  # noqa: N802
            from qtpy.QtCore import QPointF

            return view.mapViewToScene(QPointF(recording.times[300] + 0.01, 2.5))

    dock._on_click(Click())
    assert trained_home.workspace.frame == 300
    assert trained_home.workspace.assembly == raster.rows[2]
    assert dock.row_mark.value() == 2.5
    dock.rows_of.setCurrentText("Neurons")
    idle(trained_home, qtbot)
    assert len(dock._raster.rows) == 400 and not dock.row_mark.isVisible()


def test_traces_of_the_recording_are_beside(dock, home, recording, qtbot):
    tail, light = np.sin(recording.times), np.zeros(recording.n_frames)
    home.show(replace(recording, traces={"tail angle": tail, "light": light}))
    traces = dock.traces
    assert traces.names == [POPULATION, "tail angle", "light"] and traces.shown == [POPULATION]
    traces.show_traces("tail angle")
    np.testing.assert_allclose(traces.lines["tail angle"].getOriginalDataset()[1], tail)
    assert traces.choose.text() == "tail angle"


def test_several_traces_are_shown_at_once(dock, home, recording, qtbot):
    tail, light = np.sin(recording.times), np.zeros(recording.n_frames)
    home.show(replace(recording, traces={"tail angle": tail, "light": light}))
    traces = dock.traces
    traces.show_traces("tail angle", "light")
    assert traces.shown == ["tail angle", "light"] == list(traces.lines)
    upper = traces.lines["tail angle"].getOriginalDataset()[1]
    lower = traces.lines["light"].getOriginalDataset()[1]
    assert lower.max() < 1 <= upper.min() and upper.max() < 2, "below each other"
    assert np.corrcoef(upper, tail)[0, 1] > 0.999
    home.show(replace(recording, traces={"light": light}))
    assert traces.shown == ["light"], "ticked traces stay, where the recording has them"
