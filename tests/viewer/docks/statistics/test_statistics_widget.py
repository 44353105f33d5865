"""The Statistics dock: verdict, panels, colours, figure, and curves during training."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.analysis import Likelihood, evaluate_held_out
from napari_crbm.analysis.statistics.registry import STATISTICS
from napari_crbm.viewer.docks.statistics import widget as statistics_widget
from napari_crbm.viewer.docks.statistics.progress import part, rising
from napari_crbm.viewer.docks.statistics.widget import StatisticsWidget
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.parts.plot_export import plot_values
from napari_crbm.viewer.state.trained import Trained
from tests.viewer.conftest import FAST, until


@pytest.fixture
def dock(home, qtbot, monkeypatch):
    monkeypatch.setattr(statistics_widget, "_CHAINS", 40)
    widget = StatisticsWidget(home.viewer)
    widget.n_samples.setValue(400)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture(scope="session")
def evaluation(trained_model, recording):
    return evaluate_held_out(trained_model, recording, n_samples=400, n_chains=40)


@pytest.fixture
def evaluated(dock, trained_home, trained_model, recording, evaluation, monkeypatch, qtbot):
    """The dock after Evaluate, which is spared the work that the library has done before."""

    def known(*what, report, **how):
        assert what == (trained_model, recording)
        drawn = {"n_samples": 400, "n_chains": 40}
        assert how == {**drawn, "as_published": False}
        report(1, 1)
        return evaluation

    monkeypatch.setattr("napari_crbm.analysis.evaluate_held_out", known)
    dock.start.click()
    until(qtbot, lambda: dock.evaluation is not None)
    return dock


def test_it_says_what_to_do_next(dock, home, recording):
    assert "No recording" in dock.message.text() and not dock.start.isEnabled()
    home.show(recording)
    assert "No model" in dock.message.text() and not dock.start.isEnabled()
    assert not dock.save.isEnabled() and not dock.colour.isEnabled()


def test_numbers_are_the_librarys(evaluated, evaluation):
    expected = evaluation
    assert expected.verdict in evaluated.verdict.text()
    for name, panel in evaluated.panels.items():
        assert f"nRMSE {expected.score(name)}" in panel.title.text()
    counts = evaluated.panels["cov_vv"].image.image
    np.testing.assert_allclose(counts, np.log1p(expected.all_pairs.counts), rtol=1e-6)
    drawn = plot_values(evaluated.lagged).pivot(index="x", columns="series", values="y")
    known = expected.lagged.table
    np.testing.assert_allclose(drawn["model_r"], known["model_r"])
    np.testing.assert_allclose(drawn.index, known["lag_s"])
    drawn = plot_values(evaluated.population)
    shown = drawn.loc[drawn["series"] == "model", "y"].dropna()
    np.testing.assert_allclose(shown, 100 * expected.population.shares["model"])
    assert f"{expected.pseudo_likelihood:.4f} nats" in evaluated.foot.text()


def test_a_statistic_without_a_scale_shows_correlations(evaluated, evaluation):
    table = evaluation.table.copy()
    table.loc["cov_vv", ["nrmse", "pearson_r", "train_r"]] = np.nan, 0.5, 0.25
    panel = evaluated.panels["cov_vv"]
    panel.show_statistic(replace(evaluation, table=table), "cov_vv")
    assert "r 0.50, training 0.25" in panel.title.text() and "nan" not in panel.title.text()
    assert "nRMSE" not in panel.title.text()


def test_the_way_of_the_paper_and_the_log_likelihood_can_be_asked_for(
    dock, trained_home, evaluation, monkeypatch, qtbot
):
    asked = {}
    monkeypatch.setattr(
        "napari_crbm.analysis.evaluate_held_out", lambda *_, **how: asked.update(how) or evaluation
    )
    monkeypatch.setattr(
        "napari_crbm.analysis.held_out_likelihood",
        lambda *_, report: Likelihood(-31.25, 0.1, -40.5, 90.0, True),
    )
    dock.as_published.setChecked(True)
    assert not dock.n_samples.isEnabled()
    dock.likelihood.setChecked(True)
    dock.start.click()
    until(qtbot, lambda: dock.evaluation is not None)
    assert asked["as_published"]
    assert "Log-likelihood -31.25 ± 0.10 nats per held-out frame" in dock.foot.text()


def test_neurons_are_coloured_by_reconstruction(evaluated, home):
    layer = home.viewer.layers[NEURONS]
    plain = np.array(layer.face_color)
    evaluated.colour.setChecked(True)
    coloured = np.array(layer.face_color)[:, :3]
    best, worst = np.nanargmax(evaluated.evaluation.nllh), np.nanargmin(evaluated.evaluation.nllh)
    assert coloured[best, 0] > 0.8 and coloured[worst, 0] < 0.3  # yellow and dark blue
    evaluated.colour.setChecked(False)
    np.testing.assert_array_equal(layer.face_color, plain)


def test_the_figure_is_written(evaluated, home, qtbot, tmp_path):
    evaluated.save_to(tmp_path / "statistics.svg")
    until(qtbot, lambda: not home.busy)
    assert "nRMSE" in (tmp_path / "statistics.svg").read_text()


def test_it_says_that_an_evaluation_runs(dock, trained_home, evaluation, monkeypatch, qtbot):
    go_on = threading.Event()
    monkeypatch.setattr(
        "napari_crbm.analysis.evaluate_held_out", lambda *_, **__: go_on.wait(30) and evaluation
    )
    assert "Press Evaluate" in dock.message.text()
    dock.start.click()
    assert "Press Evaluate" not in dock.message.text() and "Drawing" in dock.message.text()
    go_on.set()
    until(qtbot, lambda: dock.evaluation is not None)
    assert dock.message.isHidden()


def test_progress_never_goes_back_and_parts_share_one_bar():
    seen = []
    report = rising(lambda done, total: seen.append(done / total))
    for number in range(2):
        for done, total in ((0, 10), (41, 100), (40, 100), (100, 100)):
            part(report, number, 2)(done, total)
    assert seen == sorted(seen) and seen[0] == 0 and seen[3] == 0.5 and seen[-1] == 1


def test_another_table_of_the_same_model_leaves_the_evaluation(evaluated, home, recording):
    """Regions are assigned, or the trainings on two halves have ended."""
    trained, evaluation = home.workspace.trained, evaluated.evaluation
    n = trained.model.n_assemblies
    halves = {"found": np.ones(n), "similarity": np.ones(n)}
    for other in (replace(trained), replace(trained, table=trained.table.assign(**halves))):
        home.workspace.update_table(other)
        assert evaluated.evaluation is evaluation and not evaluated.body.isHidden()


def test_an_evaluation_goes_on_while_the_table_changes(
    dock, trained_home, evaluation, monkeypatch, qtbot
):
    go_on = threading.Event()
    monkeypatch.setattr(
        "napari_crbm.analysis.evaluate_held_out", lambda *_, **__: go_on.wait(30) and evaluation
    )
    dock.start.click()
    trained_home.workspace.update_table(replace(trained_home.workspace.trained))
    assert "Press Evaluate" not in dock.message.text() and dock.start.text() == "Cancel"
    go_on.set()
    until(qtbot, lambda: dock.evaluation is evaluation)


def test_another_model_ends_the_evaluation_and_nothing_says_press_evaluate(
    dock, trained_home, planted_model, recording, evaluation, monkeypatch, qtbot
):
    go_on = threading.Event()
    monkeypatch.setattr(
        "napari_crbm.analysis.evaluate_held_out", lambda *_, **__: go_on.wait(30) and evaluation
    )
    dock.start.click()
    trained_home.workspace.show_model(Trained.of(planted_model, recording))
    assert "Press Evaluate" not in dock.message.text()
    go_on.set()
    until(qtbot, lambda: dock.start.text() == "Evaluate")
    assert dock.evaluation is None and "Press Evaluate" in dock.message.text()


def test_cancel_leaves_everything_as_it_was(dock, trained_home, qtbot):
    dock.start.click()
    assert dock.start.text() == "Cancel"
    dock.start.click()
    until(qtbot, lambda: dock.start.text() == "Evaluate")
    assert dock.evaluation is None and dock.body.isHidden()


def test_statistics_are_followed_during_training(dock, home, recording, qtbot):
    home.show(recording)
    home.runs.start_training(FAST)
    until(qtbot, lambda: home.workspace.trained is not None)
    assert dock.curve.isVisibleTo(dock)
    x, y = dock._lines["nrmse_cov_vv"].getData()
    history = home.workspace.trained.model.history_
    np.testing.assert_array_equal(x, history["update"])
    np.testing.assert_array_equal(y, history["nrmse_cov_vv"])


def test_another_recording_puts_the_numbers_away(evaluated, home, recording):
    home.show(recording)
    assert evaluated.evaluation is None and evaluated.body.isHidden()
    assert "No model" in evaluated.message.text()


def test_a_model_without_held_out_frames_is_explained(
    dock, trained_home, trained_model, errors, qtbot, monkeypatch
):
    monkeypatch.setattr(trained_model, "split_", None)
    dock.start.click()
    until(qtbot, lambda: dock.start.text() == "Evaluate")
    assert "trained on all frames" in errors[0]


def test_every_plot_says_what_it_shows_and_what_is_good(evaluated):
    captions = [panel.caption.text() for panel in evaluated.panels.values()]
    assert all(text.startswith("One value per ") and "Good: " in text for text in captions)
    assert len(set(captions)) == len(captions)
    for name, panel in evaluated.panels.items():
        each = STATISTICS[name]
        assert panel.title.text().startswith(each.title) and each.label in panel.heading.lower()
        assert panel.toolTip() == each.definition
    assert evaluated.how_to_read.isVisibleTo(evaluated)
    assert "nats per neuron per frame; 0 is perfect" in evaluated.foot.text()
