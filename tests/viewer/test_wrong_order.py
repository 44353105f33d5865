"""Docks used in orders nobody planned: nothing stale is shown, no button does nothing."""

import numpy as np
import pytest

from napari_crbm.model import Settings
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.docks.connectivity.widget import ConnectivityWidget
from napari_crbm.viewer.docks.neurons.widget import NeuronsWidget
from napari_crbm.viewer.docks.statistics.widget import StatisticsWidget
from napari_crbm.viewer.docks.time.widget import TimeWidget
from napari_crbm.viewer.docks.train.widget import TrainWidget
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    def made(kind):
        widget = kind(home.viewer)
        qtbot.addWidget(widget)
        return widget

    return made


def other():
    return simulate(n_neurons=150, n_frames=200, n_assemblies=2, seed=5).recording


def mapped(widget, qtbot):
    widget.start.click()
    until(qtbot, lambda: widget.mapped is not None)
    return widget


def test_without_a_map_there_is_nothing_of_one(dock, shown_home, qtbot):
    widget = dock(ConnectivityWidget)
    assert widget.below.isHidden()
    assert [widget.tabs.isTabVisible(place) for place in range(3)] == [False, False, True]
    mapped(widget, qtbot)
    assert not widget.below.isHidden() and widget.tabs.currentIndex() == 0
    widget.start.click()
    shown_home.show(other())
    until(qtbot, lambda: widget.start.text() == "Compute")
    assert "No model" in widget.message.text() and widget.below.isHidden()


def test_colours_of_another_dock_take_the_tick_away(dock, shown_home, qtbot):
    workspace = shown_home.workspace
    widget, anatomy = mapped(dock(ConnectivityWidget), qtbot), dock(AnatomyWidget)
    workspace.choose_neuron(3)
    box = widget.couplings.wanted
    box.setChecked(True)
    assert workspace.colouring.kind == "coupling"
    anatomy.choose_colouring("region")
    until(qtbot, lambda: workspace.colouring.kind == "region")
    assert not box.isChecked()
    workspace.choose_neuron(4)
    assert workspace.colouring.kind == "region", "the last choice holds"


def test_couplings_with_nothing_say_what_to_choose(dock, shown_home, qtbot, monkeypatch):
    said = []
    monkeypatch.setattr(
        "napari_crbm.viewer.docks.connectivity.coupling_colours.show_info", said.append
    )
    widget = mapped(dock(ConnectivityWidget), qtbot)
    widget.couplings.wanted.setChecked(True)
    assert "Click a neuron" in said[0]
    shown_home.workspace.choose_neuron(3)
    assert shown_home.workspace.colouring.kind == "coupling"


def test_the_tick_of_reconstruction_follows_the_colours(dock, trained_home, qtbot):
    widget = dock(StatisticsWidget)
    widget.n_samples.setValue(200)
    widget.start.click()
    until(qtbot, lambda: widget.evaluation is not None)
    widget.colour.setChecked(True)
    assert trained_home.workspace.colouring.kind == "reconstruction"
    trained_home.workspace.show_colouring(None)
    assert not widget.colour.isChecked()


def test_the_curve_of_a_model_goes_with_it(dock, trained_home):
    widget = dock(StatisticsWidget)
    assert not widget.curve.isHidden()
    trained_home.show(other())
    assert widget.curve.isHidden()


def test_no_assembly_chosen_is_said(dock, shown_home):
    widget = dock(AssembliesWidget)
    shown_home.workspace.choose_assembly(2)
    assert "Assembly 2" in widget.title.text() and widget.copy.isEnabled()
    shown_home.workspace.choose_assembly(None)
    assert "Choose an assembly" in widget.title.text() and widget.scale.isHidden()
    assert not widget.copy.isEnabled() and not widget.table.selectionModel().hasSelection()
    shown_home.workspace.choose_assembly(1)
    assert "Assembly 1" in widget.title.text() and not widget.scale.isHidden()


def test_both_ends_of_the_scale_can_be_read_in_a_narrow_dock(dock, shown_home, qtbot):
    widget = dock(AssembliesWidget)
    shown_home.workspace.choose_assembly(2)
    widget.resize(300, 700)
    with qtbot.waitExposed(widget):
        widget.show()
    for label in (widget.scale.low, widget.scale.high):
        assert label.width() >= label.sizeHint().width()


def test_it_is_said_that_the_table_is_of_the_last_model(dock, shown_home, qtbot):
    widget = dock(AssembliesWidget)
    assert widget.message.isHidden()
    shown_home.runs.start_training(Settings.named("quick", n_hidden=4, n_updates=100_000))
    assert "the previous model" in widget.message.text() and not widget.message.isHidden()
    shown_home.runs.session.control.stop()
    until(qtbot, lambda: not shown_home.runs.training and not shown_home.busy)
    until(qtbot, widget.message.isHidden)


def test_peaks_that_are_not_there_cannot_be_gone_to(dock, trained_home):
    widget, workspace = dock(TimeWidget), trained_home.workspace
    steps = 0
    while widget.later.isEnabled():
        before = widget.frame
        widget.later.click()
        assert widget.frame > before
        steps += 1
    assert steps and widget.earlier.isEnabled()
    workspace.choose_assembly(None)
    assert not widget.later.isEnabled() and not widget.earlier.isEnabled()


def test_enrichment_is_not_denied_where_it_cannot_be_known(dock, home, recording, qtbot):
    widget = dock(NeuronsWidget)
    home.show(recording)
    home.workspace.choose_neurons(np.arange(50))
    until(qtbot, lambda: not home.busy)
    tabs = widget.group_tabs
    assert [tabs.isTabVisible(place) for place in range(2)] == [False, True]


def test_a_training_stopped_at_once_says_so(dock, home, recording, qtbot):
    widget = dock(TrainWidget)
    home.show(recording)
    widget.start_button.click()
    widget.stop_button.click()
    until(qtbot, lambda: not home.runs.training and not home.busy)
    until(qtbot, lambda: "nothing was trained" in widget.status.text())
    assert home.workspace.trained is None and widget.curve.plot.isHidden()
