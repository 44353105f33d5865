"""The Sweep dock: counting, running, stopping and going on, opening what was selected."""

import threading

import pytest

from napari_crbm.analysis.selection.run import run_sweep
from napari_crbm.errors import ModelError
from napari_crbm.viewer.docks.open import open_dock
from napari_crbm.viewer.docks.start.widget import situation
from napari_crbm.viewer.docks.sweep.widget import SweepWidget
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.home import home_of
from tests.viewer.conftest import FAST, until


@pytest.fixture
def dock(home, qtbot):
    widget = SweepWidget(home.viewer)
    qtbot.addWidget(widget)
    widget.form["n_hidden"].value = "3, 8"
    widget.form["n_folds"].value = 2
    widget.form["n_updates"].value = 60
    return widget


def test_it_says_what_to_do_next(dock, home, recording):
    assert "No recording" in dock.message.text() and not dock.start.isEnabled()
    home.show(recording)
    assert dock.start.isEnabled() and not dock.open_selected.isEnabled()
    assert dock.count.text() == "4 trainings of 60 updates."
    dock.form["n_hidden"].value = "3, x"
    assert dock.count.text().startswith("Assemblies must be 'auto' or a positive whole number")
    dock.form["n_hidden"].value = "3, 8"
    dock.form["n_random"].value = 5
    assert dock.count.text() == "10 trainings of 60 updates."
    assert all(3 <= trial.n_hidden <= 8 for trial in dock.form.sweep().trials())
    dock.form["learning_rate"].value = "0.01, fast"
    assert dock.count.text().startswith("Learning rate must be a positive number; found 'fast'")
    dock.form["learning_rate"].value = "0.01"
    dock.form["n_hidden"].value = ""
    assert dock.count.text().startswith("Assemblies must be")
    dock.form["n_hidden"].value = "5, 5"
    assert dock.count.text() == "Assemblies has 5 twice; write every value once."


def test_a_sweep_selects_a_model_that_opens(dock, home, recording, qtbot, tmp_path):
    home.show(recording)
    dock.run_in(tmp_path)
    assert home.runs.sweeping and dock.start.text() == "Stop" and not dock.form["n_hidden"].enabled
    until(qtbot, lambda: not home.runs.sweeping)
    assert home.runs.sweep.selection is not None and "hidden units" in dock.verdict.text()
    assert dock.table.rowCount() == 2
    until(qtbot, lambda: (tmp_path / "selection.png").exists())
    for name in ("results.csv", "selection.csv", "selected.model.h5"):
        assert (tmp_path / name).exists()
    dock.open_selected.click()
    until(qtbot, lambda: home.workspace.trained is not None)
    chosen = home.runs.sweep.selection.table[home.runs.sweep.selection.table["selected"]].iloc[0]
    assert home.workspace.trained.model.n_assemblies == chosen["fitted_n_hidden"]
    assert "stability" in home.workspace.trained.table
    assert len(home.workspace.trained.model.split_["test"])


def test_a_stopped_sweep_says_how_to_go_on(dock, home, recording, qtbot, tmp_path):
    home.show(recording)
    dock.form["n_updates"].value = 20_000
    dock.run_in(tmp_path)
    until(qtbot, lambda: list(tmp_path.glob("recording-*.h5")))
    dock.start.click()
    assert "Stopping" in dock.verdict.text() and not dock.start.isEnabled()
    until(qtbot, lambda: not home.runs.sweeping)
    assert "again in the same folder to continue" in dock.verdict.text()
    assert not list(tmp_path.glob("*.json"))
    assert dock.start.isEnabled() and dock.form["n_hidden"].enabled


def test_a_scheduler_that_is_not_there_is_named(dock, home, recording, errors, qtbot, tmp_path):
    home.show(recording)
    dock.form["scheduler"].value = "nonsense://1"
    dock.run_in(tmp_path)
    until(qtbot, lambda: not home.runs.sweeping)
    until(qtbot, lambda: errors)
    assert "no Dask scheduler at nonsense://1" in errors[0]
    assert dock.start.isEnabled()


def sweep_of(dock, home, recording, qtbot, folder):
    """A sweep that is under way, in its second training at least."""
    home.show(recording)
    dock.form["n_updates"].value = 300
    dock.form["n_hidden"].value = "3, 8, 12"
    dock.form["n_folds"].value = 5
    dock.run_in(folder)
    until(qtbot, lambda: home.runs.sweep.seconds_left is not None)


@pytest.mark.canvas
def test_a_sweep_outlives_its_dock_and_is_stopped_from_another(
    viewer, home, recording, qtbot, tmp_path
):
    first = open_dock(viewer, "Sweep")
    sweep_of(first.findChild(SweepWidget), home, recording, qtbot, tmp_path)
    viewer.window.remove_dock_widget(first)
    qtbot.wait(300)
    later = open_dock(viewer, "Sweep").findChild(SweepWidget)
    assert home.runs.sweeping and later.start.text() == "Stop" and later.start.isEnabled()
    assert later.form["n_hidden"].value == "3, 8, 12" and not later.form["n_hidden"].enabled
    assert later.bar.value() > 0 and later.bar.maximum() == 15 and not later.bar.isHidden()
    assert "of 15 trainings; about" in later.verdict.text()
    later.start.click()
    until(qtbot, lambda: later.start.text() != "Stop")
    assert not home.runs.sweeping and "Stopped after" in later.verdict.text()
    another = SweepWidget(home.viewer)
    qtbot.addWidget(another)
    assert another.verdict.text() == later.verdict.text()


def test_a_training_and_a_sweep_do_not_take_the_processor_from_each_other(
    dock, home, recording, qtbot, tmp_path
):
    train = TrainWidget(home.viewer)
    qtbot.addWidget(train)
    sweep_of(dock, home, recording, qtbot, tmp_path)
    assert not train.start_button.isEnabled() and "sweep" in train.start_button.toolTip()
    assert "stop it in the Sweep dock" in train.status.text()
    assert situation(home).dock == "Sweep"
    with pytest.raises(ModelError, match="A sweep is running"):
        home.runs.start_training(FAST)
    dock.start.click()
    until(qtbot, lambda: train.start_button.isEnabled())
    home.runs.start_training(FAST)
    assert not dock.start.isEnabled() and "training is running" in dock.start.toolTip()
    with pytest.raises(ModelError, match="A training is running"):
        home.runs.start_sweep(dock.form.sweep(), tmp_path)
    until(qtbot, lambda: dock.start.isEnabled(), 120_000)


def test_closing_the_viewer_ends_the_sweep(
    make_napari_viewer, recording, qtbot, tmp_path, monkeypatch
):
    monkeypatch.setitem(run_sweep.__kwdefaults__, "checkpoint_s", 0.0)
    viewer = make_napari_viewer()
    home = home_of(viewer)
    home.show(recording)
    dock = SweepWidget(viewer)
    qtbot.addWidget(dock)
    dock.form["n_updates"].value = 20_000
    dock.run_in(tmp_path)
    until(qtbot, lambda: list(tmp_path.glob("*.checkpoint.h5")))
    home.close()
    assert not [t for t in threading.enumerate() if t.name == "napari-crbm sweep"]
    assert list(tmp_path.glob("*.checkpoint.h5"))


def test_numbers_are_not_clipped(dock, qtbot):
    dock.resize(340, 700)
    dock.show()
    dock.form.more.expand(animate=False)
    dock.form["n_random"].value = 1000
    dock.form["n_updates"].value = 1500
    qtbot.wait(50)
    for name in ("n_updates", "n_random", "n_folds"):
        box = dock.form[name].native
        assert box.width() >= box.minimumSizeHint().width(), name
        assert box.fontMetrics().horizontalAdvance(box.text()) < box.lineEdit().width(), name
    assert dock.form["n_updates"].native.text() == "1,500"
