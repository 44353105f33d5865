"""The Tuning dock: question, answer in table, canvas and plot, tables, what it remembers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import event_responses, follow_course, onsets, stored_course
from napari_crbm.errors import CRBMError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.tuning.widget import TUNING, TuningWidget
from napari_crbm.viewer.layers.colour_kinds import by_activity
from napari_crbm.viewer.parts.plot_export import plot_values
from tests.viewer.conftest import until


@pytest.fixture(scope="module")
def experiment():
    return simulate(n_neurons=300, n_frames=2400, n_assemblies=6, n_tuned=2, seed=2)


@pytest.fixture(scope="module")
def planted(experiment):
    ones = np.ones(6)
    return CRBM.from_parameters(
        np.sign(experiment.truth.weights).astype(np.float32),
        np.full(300, -3.0, np.float32),
        DReLU(ones, ones, 0 * ones, 0 * ones),
    )


@pytest.fixture
def dock(home, qtbot):
    widget = TuningWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def ready(dock, home, experiment, planted, qtbot):
    home.show(experiment.recording, planted)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    return dock


@pytest.fixture
def answered(ready, qtbot):
    ready.start.click()
    assert ready.start.text() == "Cancel"
    until(qtbot, lambda: ready.answer is not None)
    return ready


def test_it_says_what_is_missing_and_offers_the_traces(dock, home, experiment, planted, qtbot):
    assert "No recording" in dock.message.text() and not dock.form.isVisibleTo(dock)
    home.show(experiment.recording)
    assert "No model" in dock.message.text()
    home.show(None, planted)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    assert dock.form.isVisibleTo(dock) and "press Find" in dock.message.text()
    listed = [dock.courses.box.itemText(row) for row in range(dock.courses.box.count())]
    assert listed == ["stimulus", "the selected neuron", "the selected assembly"]
    assert dock.question().course == "stimulus"


def test_the_table_holds_the_numbers_of_the_library(answered, experiment, planted):
    recording = experiment.recording
    expected = follow_course(planted, recording, stored_course(recording, "stimulus")).table
    shown = answered.table.source.table
    assert shown["p"].is_monotonic_increasing
    np.testing.assert_allclose(shown["r"], expected["r"][shown["assembly"]])
    np.testing.assert_allclose(shown["q"], expected["q"][shown["assembly"]])
    tuned = experiment.truth.parameters["tuned"].tolist()
    assert sorted(shown["assembly"][shown["found"] == "yes"]) == tuned
    assert "2 of 6 assemblies follow stimulus" in answered.verdict.text()
    assert "against 1,999 shifts" in answered.verdict.toolTip()


def test_neurons_are_coloured_with_a_colour_bar_until_another_dock_colours_them(answered, home):
    colouring = home.workspace.colouring
    assert colouring.kind == TUNING and colouring.title == "Correlation with stimulus"
    r = answered.answer.following.neurons["r"]
    np.testing.assert_allclose(colouring.values, r.fillna(0))
    assert not answered.scale.isHidden() and "Correlation with stimulus" in answered.scale.text()
    home.workspace.show_colouring(by_activity(home.workspace))
    assert not answered.colour.isChecked() and answered.scale.isHidden()
    answered.colour.setChecked(True)
    assert home.workspace.colouring.kind == TUNING
    answered.colour.setChecked(False)
    assert home.workspace.colouring is None


def test_a_row_shows_its_assembly_and_the_average_around_events(
    answered, home, experiment, planted
):
    recording = experiment.recording
    activity = planted.transform(recording.spikes)
    events = onsets(recording.traces["stimulus"], 0.5, recording.segments)
    expected = event_responses(recording, activity, events)
    answered.table.choose(2)
    chosen = int(answered.table.chosen["assembly"])
    assert home.workspace.assembly == chosen
    drawn = plot_values(answered.average.plot)
    for series in ("mean", "low", "high"):
        y = drawn["y"][drawn["series"] == series]
        np.testing.assert_allclose(y, getattr(expected.assemblies, series)[:, chosen], atol=1e-9)
    other = int(answered.table.source.table["assembly"][0])
    home.workspace.choose_assembly(other)
    assert int(answered.table.chosen["assembly"]) == other
    assert f"Assembly {other}" in answered.average.text.text()
    answered.tabs.setCurrentIndex(1)
    answered.regions.choose(0)
    assert answered.regions.chosen["region"] in answered.average.text.text()


def test_the_selected_neuron_is_a_course(ready, home, errors, monkeypatch, qtbot):
    said = []
    monkeypatch.setattr("napari_crbm.viewer.docks.tuning.widget.show_error", said.append)
    ready.courses.choose("the selected neuron")
    ready.start.click()
    assert "click a neuron on the canvas" in said[0] and ready.answer is None
    home.workspace.choose_neuron(7)
    ready.events.box.setCurrentText("none")
    ready.start.click()
    until(qtbot, lambda: ready.answer is not None)
    assert ready.answer.following.course.neuron == 7 and ready.answer.responses is None
    assert ready.average.isHidden() and not ready.tabs.isTabVisible(1)


def test_a_table_brings_courses_and_events(ready, experiment, tmp_path, qtbot):
    recording = experiment.recording
    path, onsets_path = tmp_path / "behaviour.csv", tmp_path / "flashes.csv"
    stimulus = recording.traces["stimulus"]
    pd.DataFrame({"time_s": recording.times, "light": stimulus, "noise": -stimulus}).to_csv(path)
    starts = recording.times[1:][np.diff(stimulus) > 0]
    pd.DataFrame({"onset_s": starts}).to_csv(onsets_path, index=False)
    ready.courses.bring_table(path)
    until(qtbot, lambda: "behaviour.csv: light" in ready.courses.box.currentText())
    ready.events.bring_table(onsets_path)
    ready.start.click()
    until(qtbot, lambda: ready.answer is not None)
    assert ready.answer.following.course.name == "light"
    assert ready.answer.following.n_following == 2
    assert "onsets in flashes.csv" in ready.answer.note
    again = TuningWidget(ready.home.viewer)
    qtbot.addWidget(again)
    assert again.courses.box.currentText() == "behaviour.csv: light", "remembered"


def test_too_few_events_leave_the_correlations(ready, qtbot):
    ready.events.above.setText("7")
    ready.start.click()
    until(qtbot, lambda: ready.answer is not None)
    assert ready.answer.responses is None and "needs 3 events" in ready.verdict.text()
    ready.events.above.setText("high")
    with pytest.raises(CRBMError, match="must be a number; found 'high'"):
        ready.question()


def test_tables_are_written(answered, tmp_path, qtbot):
    answered.export_to(tmp_path)
    until(qtbot, lambda: not answered.home.busy)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"tuning.csv", "tuning_neurons.csv", "tuning_regions.csv", "triggered.csv"}


def test_another_recording_forgets_the_answer_and_fields_are_remembered(
    answered, home, experiment, qtbot
):
    answered.lags.setValue(3)
    answered.events.before.setValue(2)
    home.show(replace(experiment.recording, name="other"))
    assert answered.answer is None and not answered.body.isVisibleTo(answered)
    assert home.workspace.colouring is None
    again = TuningWidget(home.viewer)
    qtbot.addWidget(again)
    assert again.lags.value() == 3 and again.events.before.value() == 2


def test_cancelling_leaves_no_answer(ready, home, qtbot):
    ready.start.click()
    ready.start.click()
    until(qtbot, lambda: not home.busy)
    assert ready.answer is None and ready.start.text() == "Find" and ready.bar.isHidden()


def test_every_control_has_an_accessible_name(answered, qtbot):
    from qtpy.QtWidgets import QWidget

    from napari_crbm.viewer.parts.accessible_names import _CONTROLS, _is_inner_part

    answered.show()
    qtbot.wait(20)
    controls = [
        each
        for each in answered.findChildren(QWidget)
        if isinstance(each, _CONTROLS) and not _is_inner_part(each) and each.isVisible()
    ]
    names = [each.accessibleName() for each in controls]
    assert len(names) > 10 and all(names)
    assert {"Course", "Lags up to", "Before", "After", "Above", "Events"} <= set(names)
