"""The Sweep dock: counting, running, stopping and going on, opening what was selected."""

import pytest

from napari_crbm.viewer.sweep_widget import SweepWidget
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    widget = SweepWidget(home.viewer)
    qtbot.addWidget(widget)
    widget.n_hidden.setText("3, 8")
    widget.folds.setValue(2)
    widget.updates.setValue(60)
    return widget


def test_it_says_what_to_do_next(dock, home, recording):
    assert "No recording" in dock.message.text() and not dock.start.isEnabled()
    home.show(recording)
    assert dock.start.isEnabled() and not dock.open_selected.isEnabled()
    assert dock.count.text() == "4 trainings of 60 updates."
    dock.n_hidden.setText("3, x")
    assert "not a list of numbers" in dock.count.text()
    dock.n_hidden.setText("3, 8")
    dock.n_random.setValue(5)
    assert dock.count.text() == "10 trainings of 60 updates."
    assert all(3 <= trial.n_hidden <= 8 for trial in dock.sweep().trials())
    dock.learning_rate.setText("0.01, fast")
    assert "Learning rate: '0.01, fast'" in dock.count.text()
    dock.learning_rate.setText("0.01")
    dock.n_hidden.setText("")
    assert dock.count.text().startswith("Hidden units: write a number")
    dock.n_hidden.setText("5, 5")
    assert dock.count.text().startswith("Hidden units: 5 is there twice")


def test_a_sweep_selects_a_model_that_opens(dock, home, recording, qtbot, tmp_path):
    home.show(recording)
    dock.run_in(tmp_path)
    assert dock.running and dock.start.text() == "Stop" and not dock.n_hidden.isEnabled()
    until(qtbot, lambda: not dock.running, timeout=120_000)
    assert dock.selection is not None and "hidden units" in dock.verdict.text()
    assert dock.table.rowCount() == 2
    until(qtbot, lambda: (tmp_path / "selection.png").exists())
    for name in ("results.csv", "selection.csv", "selected.model.h5"):
        assert (tmp_path / name).exists()
    dock.open_selected.click()
    until(qtbot, lambda: home.workspace.trained is not None)
    chosen = dock.selection.table[dock.selection.table["selected"]].iloc[0]
    assert home.workspace.trained.model.n_assemblies == chosen["fitted_n_hidden"]
    assert "reproducibility" in home.workspace.trained.table
    assert len(home.workspace.trained.model.split_["test"])


def test_a_stopped_sweep_goes_on_in_its_folder(dock, home, recording, qtbot, tmp_path):
    home.show(recording)
    dock.updates.setValue(20_000)
    dock.run_in(tmp_path)
    until(qtbot, lambda: bool(list(tmp_path.glob("recording-*.h5"))))
    dock.start.click()
    until(qtbot, lambda: not dock.running)
    assert "Start again in the same folder" in dock.verdict.text()
    assert list(tmp_path.glob("*.checkpoint.h5")) and not list(tmp_path.glob("*.json"))
    assert dock.start.isEnabled() and dock.n_hidden.isEnabled()


def test_a_scheduler_that_is_not_there_is_named(dock, home, recording, errors, qtbot, tmp_path):
    home.show(recording)
    dock.scheduler.setText("nonsense://1")
    dock.run_in(tmp_path)
    until(qtbot, lambda: not dock.running)
    assert "no Dask scheduler at nonsense://1" in errors[0]
    assert dock.start.isEnabled()
