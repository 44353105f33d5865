"""The tab Prediction: training, pause, stop, checkpoints, the verdict, and couplings over lags."""

import numpy as np
import pytest
from qtpy.QtCore import QPointF

from napari_crbm.analysis import find_directions, score_forecasts
from napari_crbm.io import load_temporal, save_checkpoint, save_temporal
from napari_crbm.io.models.temporal_file import CHECKPOINT_KIND
from napari_crbm.temporal import TemporalSettings, TemporalTraining, forecast
from napari_crbm.viewer.docks.time.prediction import PredictionPanel
from napari_crbm.viewer.jobs.temporal import checkpoint_path
from tests.viewer.conftest import until

SHORT = {"longest_lag_s": 1.0, "n_passes": 3, "penalty": 0.05, "n_threads": 1}


@pytest.fixture(autouse=True)
def few_forecasts(monkeypatch):
    monkeypatch.setitem(score_forecasts.__kwdefaults__, "n_starts", 20)
    monkeypatch.setitem(forecast.__kwdefaults__, "n_particles", 4)


@pytest.fixture
def said(monkeypatch):
    shown: list[str] = []
    for module in ("docks.time.prediction", "jobs.temporal"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.show_error", shown.append)
    monkeypatch.setattr("napari_crbm.viewer.jobs.temporal.show_info", shown.append)
    return shown


@pytest.fixture
def panel(home, qtbot, said):
    widget = PredictionPanel(home)
    qtbot.addWidget(widget)
    widget.form.fill(SHORT)
    widget.show()
    return widget


def trained(model, recording, **settings):
    training = TemporalTraining(model, recording, TemporalSettings(**{**SHORT, **settings}))
    return training


def test_without_a_model_it_says_what_is_missing(panel):
    assert "Open a recording and a model" in panel.message.text()
    assert not panel.start.isEnabled() and panel.matrix.isHidden() and panel.resume.isHidden()


def test_a_training_ends_in_a_verdict_and_a_matrix(
    panel, trained_home, recording, trained_model, qtbot, said
):
    seen = []
    panel.run.progressed.connect(lambda progress: seen.append(progress.done))
    panel.start.click()
    assert panel.pause.isEnabled() and not panel.start.isEnabled() and panel.bar.isVisible()
    until(qtbot, lambda: panel.run.scores is not None)
    assert said == [] and max(seen) == 6
    expected = trained(trained_model, recording)
    for _ in expected:
        pass
    assert np.array_equal(panel.run.model.couplings, expected.model().couplings)
    verdict = score_forecasts(panel.run.model, recording).verdict
    assert "persistence" in verdict and verdict in panel.verdict.text()
    found = find_directions(panel.run.model, recording)
    assert np.array_equal(panel.matrix.found.by_lag, found.by_lag)
    assert panel.matrix.lag.maximum() == len(found.lags_s) - 1
    assert panel.start.isEnabled() and panel.bar.isHidden() and panel.figure.isVisible()


def test_pause_stop_and_continue_give_the_same_model(
    panel, trained_home, recording, trained_model, qtbot, said
):
    panel.form.fill({"n_passes": 40})
    panel.start.click()
    panel.pause.click()
    assert panel.pause.text() == "Resume"
    until(qtbot, lambda: "Paused" in panel.status.text())
    panel.stop.click()
    until(qtbot, lambda: not panel.run.training)
    assert panel.run.model is None and checkpoint_path(recording).exists()
    assert panel.resume.isVisible() and "Stopped before" in panel.status.text()
    panel.resume.click()
    until(qtbot, lambda: panel.run.model is not None)
    expected = trained(trained_model, recording, n_passes=40)
    for _ in expected:
        pass
    assert np.array_equal(panel.run.model.couplings, expected.model().couplings)
    until(qtbot, lambda: not panel.run.comparing)
    panel.resume.click()
    until(qtbot, lambda: panel.run.training or panel.run.comparing)
    until(qtbot, lambda: panel.run.scores is not None)
    assert np.array_equal(panel.run.model.couplings, expected.model().couplings)
    assert said == []


def test_a_checkpoint_of_another_model_is_refused(
    panel, trained_home, recording, planted_model, tmp_path, qtbot, said
):
    other = trained(planted_model, recording)
    path = save_checkpoint(other.checkpoint(), tmp_path / "other.h5", CHECKPOINT_KIND)
    panel.continue_from(path)
    until(qtbot, lambda: said)
    assert "belongs to another model" in said[0]
    until(qtbot, lambda: not panel.run.training)
    assert panel.start.isEnabled()


def test_files_tables_and_figure(
    panel, trained_home, recording, trained_model, tmp_path, qtbot, said
):
    training = trained(trained_model, recording)
    for _ in training:
        pass
    path = save_temporal(training.model(), tmp_path / "temporal.h5")
    panel.open_model(path)
    until(qtbot, lambda: panel.run.directions is not None)
    panel.run.save(tmp_path / "again.h5")
    panel.run.save_tables(tmp_path / "tables")
    panel.run.save_figure(tmp_path / "directions.png")
    until(qtbot, lambda: len(said) == 3)
    again = load_temporal(tmp_path / "again.h5")
    assert np.array_equal(again.couplings, training.model().couplings)
    written = {each.stem for each in (tmp_path / "tables").iterdir()}
    assert written == {"forecasts", "dwell", "couplings", "penalties", "directions", "lags"}
    assert (tmp_path / "directions.png").stat().st_size > 1000


def test_a_model_of_other_assemblies_is_refused(
    panel, trained_home, recording, planted_model, tmp_path, said
):
    training = trained(planted_model, recording)
    for _ in training:
        pass
    panel.open_model(save_temporal(training.model(), tmp_path / "temporal.h5"))
    assert "another model than the one that is shown" in said[0] and panel.run.model is None


def test_a_wrong_setting_is_named_by_its_label(panel, trained_home, said):
    panel.form["penalty"].value = "much"
    panel.start.click()
    assert "Penalty" in said[0] and not panel.run.training


def test_another_model_drops_the_temporal_one(
    panel, trained_home, recording, trained_model, planted_model, tmp_path, qtbot
):
    training = trained(trained_model, recording)
    for _ in training:
        pass
    panel.open_model(save_temporal(training.model(), tmp_path / "temporal.h5"))
    assert panel.run.model is not None and panel.save.isEnabled()
    trained_home.show(None, planted_model)
    until(qtbot, lambda: getattr(trained_home.workspace.trained, "model", None) is planted_model)
    assert panel.run.model is None and not panel.save.isEnabled() and panel.verdict.isHidden()


def test_the_matrix_can_be_read_and_clicked(
    panel, trained_home, recording, trained_model, tmp_path, qtbot
):
    training = trained(trained_model, recording)
    for _ in training:
        pass
    found = find_directions(training.model(), recording)
    matrix = panel.matrix
    matrix.show_directions(found)
    panel.resize(500, 900)
    matrix.lag.setValue(1)
    assert matrix.at.text() == f"{found.lags_s[1]:.2f} s before"
    view = matrix.matrix.getPlotItem().getViewBox()
    at = view.mapViewToScene(QPointF(2.5, 1.5))
    matrix.read(at)
    assert "2 before 1" in matrix.pair.text()
    assert f"{found.by_lag[1, 1, 2]:+.3f} SD" in matrix.pair.text()
    colours = matrix.couplings.image
    assert colours.shape[:2] == found.strength.shape and (colours[range(3), range(3), 3] == 0).all()
    matrix.read(view.mapViewToScene(QPointF(1.5, 1.5)))
    assert "2 before 1" in matrix.pair.text(), "the own past is left blank"
