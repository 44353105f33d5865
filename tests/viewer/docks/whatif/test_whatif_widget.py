"""The What if dock: questions, colours, tables, cautions, cancelling, other models."""

import numpy as np
import pytest

from napari_crbm.io import save_temporal
from napari_crbm.perturbation import coactivity, of_assembly, predicted_response
from napari_crbm.temporal import TemporalModel
from napari_crbm.temporal.lags import lag_functions
from napari_crbm.viewer.docks.neurons.widget import NeuronsWidget
from napari_crbm.viewer.docks.open import open_dock
from napari_crbm.viewer.docks.whatif.question import question
from napari_crbm.viewer.docks.whatif.widget import COLOURS, WhatIfWidget
from tests.viewer.conftest import until


@pytest.fixture(autouse=True)
def few_states(monkeypatch):
    """A pool of the size that tests can afford."""
    from napari_crbm.perturbation import draw_pool
    from napari_crbm.perturbation.pool import draw_clamped

    for function, states, chains in ((draw_pool, 600, 200), (draw_clamped, 300, 100)):
        monkeypatch.setitem(function.__kwdefaults__, "n_states", states)
        monkeypatch.setitem(function.__kwdefaults__, "n_chains", chains)


@pytest.fixture
def dock(home, qtbot):
    widget = WhatIfWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def shown(dock, shown_home, monkeypatch):
    dock.said = []
    monkeypatch.setattr("napari_crbm.viewer.docks.whatif.widget.show_error", dock.said.append)
    return dock


def pick(box, key):
    box.setCurrentIndex(box.findData(key))


def ask(dock, qtbot, target, action):
    pick(dock.target, target)
    pick(dock.action, action)
    dock.start.click()
    until(qtbot, lambda: dock._job is None)


def test_without_a_model_it_says_what_is_missing(dock):
    assert "Open a recording first" in dock.message.text()
    assert not dock.start.isEnabled() and dock.tabs.isHidden()


def test_an_answer_colours_neurons_and_ranks_targets(shown, home, recording, planted_model, qtbot):
    home.workspace.choose_assembly(2)
    steps = []
    shown.bar.valueChanged.connect(steps.append)
    pick(shown.action, "on")
    shown.start.click()
    assert shown.start.text() == "Cancel" and not shown.bar.isHidden()
    until(qtbot, lambda: shown._job is None)
    assert max(steps) > 0 and shown.bar.isHidden()
    asked = of_assembly(planted_model, 2, "hold", "on")
    (direct,) = coactivity(planted_model, recording, asked, n_states=600, n_chains=200)
    np.testing.assert_array_equal(shown.result.neurons["change"], direct.neurons["change"])
    colouring = home.workspace.colouring
    assert colouring.kind == COLOURS
    assert home.workspace.assembly is None, "weights would be taken for changes"
    assert shown.assembly.value() == 2
    assert colouring.ramp is not None and float(colouring.low) < 0 < float(colouring.high)
    np.testing.assert_allclose(colouring.values, 100 * direct.neurons["change"])
    rows = shown.assemblies.source.table
    assert int(rows["assembly"].iloc[0]) == 2
    assert rows["change"].abs().is_monotonic_decreasing and " to " in rows["chains"].iloc[0]
    assert len(shown.regions.source.table) == direct.regions["change"].notna().sum()
    said = shown.verdict.text()
    assert "assembly 2 held on" in said
    for sentence in direct.cautions:
        assert sentence[:40] in said
    shown.assemblies.choose(1)
    assert home.workspace.assembly == int(rows["assembly"].iloc[1])


def test_groups_regions_and_neurons_are_what_is_chosen(shown, home, recording):
    workspace = home.workspace
    workspace.choose_neurons([3, 5, 9])
    workspace.choose_neuron(7)
    region = recording.regions.names[0]
    asked = question(workspace, "group", "silence")
    assert asked.kind == "silence" and asked.neurons.tolist() == [3, 5, 9]
    assert question(workspace, "neuron", "drive", level=1).neurons.tolist() == [7]
    asked = question(workspace, "region", "drive", region=region)
    assert sorted(asked.neurons) == sorted(recording.regions.members(region))
    assert [shown.region.itemText(k) for k in range(shown.region.count())] == list(
        recording.regions.names
    )


def test_a_group_is_driven_beside_random_groups_and_left_out_of_the_colours(shown, home, qtbot):
    home.workspace.choose_neurons(np.arange(20))
    shown.null.setValue(20)
    ask(shown, qtbot, "group", "drive")
    assert shown.said == []
    values = home.workspace.colouring.values
    assert (values[:20] == 0).all() and shown.result.neurons["in_group"].sum() == 20
    first = shown._pool
    ask(shown, qtbot, "group", "silence")
    assert shown._pool[2] is first[2], "the states are drawn once"


def test_what_cannot_be_asked_is_refused_in_a_sentence(shown, home):
    for target, sentence in (("group", "draw a lasso"), ("neuron", "click one")):
        home.workspace.choose_neurons([])
        home.workspace.choose_neuron(None)
        pick(shown.target, target)
        shown.start.click()
        assert sentence in shown.said[-1]
    home.workspace.choose_neurons([1, 2])
    pick(shown.target, "group")
    shown.level.setValue(3)
    shown.start.click()
    assert "from 1 to 2; found 3" in shown.said[-1] and shown._job is None
    pick(shown.target, "assembly")
    pick(shown.action, "on")
    pick(shown.target, "group")
    assert shown.action.currentData() == "drive", "neurons cannot be held"


def test_a_run_can_be_cancelled_and_another_model_drops_the_answer(
    shown, home, recording, trained_model, qtbot
):
    home.workspace.choose_assembly(1)
    pick(shown.action, "on")
    shown.start.click()
    shown.start.click()
    assert shown._job is None and shown.result is None and shown.bar.isHidden()
    ask(shown, qtbot, "assembly", "off")
    assert shown.result is not None and home.workspace.colouring.kind == COLOURS
    home.show(recording, trained_model)
    until(qtbot, lambda: home.workspace.trained and home.workspace.trained.model is trained_model)
    assert shown.result is None and shown.tabs.isHidden()
    assert home.workspace.colouring is None


@pytest.mark.parametrize(("target", "action"), [("group", "drive"), ("assembly", "on")])
def test_the_copied_python_gives_the_same_answer(
    shown, home, recording, planted_model, qtbot, tmp_path, monkeypatch, target, action
):
    from qtpy.QtWidgets import QApplication

    from napari_crbm.io import save_model, save_recording

    said = []
    monkeypatch.setattr("napari_crbm.viewer.docks.whatif.widget.show_info", said.append)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(coactivity.__kwdefaults__, "n_states", 600)
    monkeypatch.setitem(coactivity.__kwdefaults__, "n_chains", 200)
    save_recording(recording, "recording.h5")
    save_model(planted_model, "model.h5")
    assert shown.outputs.isHidden()
    home.workspace.choose_neurons(np.arange(0, 60, 3))
    home.workspace.choose_assembly(1)
    ask(shown, qtbot, target, action)
    assert not shown.outputs.isHidden()
    shown.copy.click()
    assert said == ["Copied. Save the model to model.h5 to use it."]
    names = {}
    exec(QApplication.clipboard().text(), names)
    assert names["found"].perturbation.words == shown.result.perturbation.words
    np.testing.assert_array_equal(names["found"].neurons["change"], shown.result.neurons["change"])
    assert (tmp_path / "what-if.pdf").stat().st_size > 1000
    shown.write(tmp_path / "dock.png")
    until(qtbot, lambda: len(said) == 2)
    assert "Wrote" in said[1] and (tmp_path / "dock.png").stat().st_size > 1000


@pytest.mark.canvas
def test_the_neurons_dock_leads_here(viewer, shown_home, qtbot):
    neurons = open_dock(viewer, "Neurons").findChild(NeuronsWidget)
    neurons.what_if.click()
    assert open_dock(viewer, "What if").findChild(WhatIfWidget) is not None


@pytest.fixture
def temporal_file(recording, planted_model, tmp_path):
    """A temporal model in which assembly 1 follows assembly 0."""
    couplings = np.zeros((2, planted_model.n_assemblies, planted_model.n_assemblies))
    couplings[0, 1, 0] = 2.0
    rbm, mean_h = planted_model.rbm_, planted_model.rbm_.mean_h_from_v(recording.spikes)
    model = TemporalModel(
        rbm,
        lag_functions(4, 2),
        couplings,
        np.zeros(rbm.n_hidden),
        rbm.fields,
        mean_h.mean(axis=0, dtype=float),
        mean_h.std(axis=0, dtype=float),
        recording.frame_interval_s,
    )
    return save_temporal(model, tmp_path / "temporal.h5")


def test_the_course_in_time_needs_a_temporal_model(shown, home, temporal_file):
    assert shown.tabs.isHidden() and shown.course.fields.isHidden()
    home.temporal.open(temporal_file)
    assert not shown.tabs.isHidden() and not shown.course.fields.isHidden()
    assert not shown.tabs.isTabVisible(0) and shown.course.message.isHidden()


def test_the_course_is_predicted_and_drawn(
    shown, home, recording, planted_model, temporal_file, tmp_path, qtbot, monkeypatch
):
    told = []
    monkeypatch.setattr("napari_crbm.viewer.docks.whatif.course_panel.show_info", told.append)
    home.temporal.open(temporal_file)
    home.workspace.choose_frame(200)
    pick(shown.action, "on")
    course = shown.course
    course.seconds.setValue(2.0)
    course.lasting.setValue(1.0)
    course.from_cursor.setChecked(True)
    course.start.click()
    assert course.start.text() == "Cancel" and not course.bar.isHidden()
    until(qtbot, lambda: course.result is not None)
    direct = predicted_response(
        home.temporal.model,
        planted_model,
        recording,
        of_assembly(planted_model, 0, "hold", "on"),
        starts=[200],
        seconds=2.0,
        lasting_s=1.0,
    )
    assert course.result.assemblies.equals(direct.assemblies)
    said = course.verdict.text()
    assert "Predicted response, assembly 0 held on" in said and "effect" not in said
    assert direct.strongest in said
    assert len(course.courses.getPlotItem().listDataItems()) == 10
    assert course.bar.isHidden() and course.start.text() == "Predict the course"
    course.write(tmp_path / "response.png")
    until(qtbot, lambda: told)
    assert (tmp_path / "response.png").stat().st_size > 1000


def test_the_course_can_be_cancelled_and_is_dropped_with_its_model(
    shown, home, temporal_file, trained_model, qtbot, monkeypatch
):
    said = []
    monkeypatch.setattr("napari_crbm.viewer.docks.whatif.course_panel.show_error", said.append)
    home.temporal.open(temporal_file)
    course = shown.course
    course.from_cursor.setChecked(True)
    course.start.click()
    assert "No frame is chosen" in said[0] and course._job is None
    course.from_cursor.setChecked(False)
    course.start.click()
    course.start.click()
    assert course._job is None and course.result is None
    home.show(None, trained_model)
    until(qtbot, lambda: home.temporal.model is None)
    assert course.fields.isHidden()
