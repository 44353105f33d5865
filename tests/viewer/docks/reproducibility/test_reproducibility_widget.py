"""The Reproducibility dock: run, cancel, and what the Assemblies dock shows of it."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.regions import Regions
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.docks.open import open_dock
from napari_crbm.viewer.docks.reproducibility.widget import ReproducibilityWidget
from napari_crbm.viewer.docks.train.widget import TrainWidget
from tests.viewer.conftest import FAST, until

BRIEF = replace(Settings.named("quick", n_hidden=5), n_updates=60, n_chains=30)


@pytest.fixture
def dock(home, qtbot):
    widget = ReproducibilityWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


def test_both_halves_are_trained_on_and_rows_are_marked(
    dock, home, recording, trained_model, qtbot
):
    assert "No recording" in dock.message.text() and not dock.start.isEnabled()
    home.show(recording, trained_model)
    until(qtbot, lambda: home.workspace.trained is not None)
    assert dock.settings().n_hidden == trained_model.n_assemblies
    assert dock.settings().l1 == "auto"
    dock.form["n_updates"].value = 60
    assemblies = AssembliesWidget(home.viewer)
    qtbot.addWidget(assemblies)
    seen = []
    home.halves.progressed.connect(lambda *values: seen.append(values))
    dock.start.click()
    assert home.halves.running and dock.start.text() == "Cancel" and not dock.bar.isHidden()
    until(qtbot, lambda: not home.halves.running)
    assert seen[-1] == (120, 120)
    result = home.halves.result
    assert str(result) in dock.verdict.text()
    assert dock.table.source.rowCount() == result.n_compared
    assert "both_halves" in home.workspace.trained.table
    np.testing.assert_array_equal(
        home.workspace.trained.table["both_halves"], result.table["found"].to_numpy()
    )
    across = Qt.Orientation.Horizontal
    columns = range(assemblies.model.columnCount())
    headings = [assemblies.model.headerData(column, across) for column in columns]
    assert "Both\nhalves" in headings
    shown = {assemblies.model.index(row, headings.index("Both\nhalves")).data() for row in range(8)}
    assert shown <= {"yes", "no"}
    dock.table.choose(1)
    assert home.workspace.assembly == int(dock.table.chosen["assembly"])
    trained_model.halves_ = None


def test_a_run_can_be_cancelled_and_makes_way_for_a_training(dock, home, recording, qtbot):
    home.show(recording)
    dock.form["n_updates"].value = 20_000
    dock.start.click()
    dock.start.click()
    assert not home.halves.running and home.halves.result is None
    assert dock.start.text() == "Train on two halves" and dock.bar.isHidden()
    dock.start.click()
    home.runs.start_training(FAST)
    assert not home.halves.running and not dock.start.isEnabled()
    with pytest.raises(ModelError, match="training or a sweep is running"):
        home.halves.start(BRIEF)
    until(qtbot, lambda: not home.runs.training)
    assert dock.start.isEnabled() and not home.halves.running


def test_the_careful_recipe_checks_two_halves_after_the_training(home, recording, qtbot):
    widget = TrainWidget(home.viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    assert widget.form.recipe.value == "Careful" and widget.form.checks
    widget.form.recipe.value = "Quick look"
    assert not widget.form.checks
    widget.form.recipe.value = "Careful"
    widget.form.fields["n_updates"].value = 40
    widget.form.fields["n_hidden"].value = "5"
    widget.start_button.click()
    until(qtbot, lambda: home.halves.running)
    assert not home.runs.training
    until(qtbot, lambda: not home.halves.running)
    assert home.halves.result.n_compared <= 5
    assert home.workspace.trained.model.halves_ is not None


def test_a_stopped_training_is_not_followed_by_the_halves(home, recording, qtbot):
    widget = TrainWidget(home.viewer)
    qtbot.addWidget(widget)
    home.show(recording)
    widget.form.fields["n_updates"].value = 100_000
    widget.start_button.click()
    until(qtbot, lambda: home.runs.session.training.update > 0)
    widget.stop_button.click()
    until(qtbot, lambda: not home.runs.training)
    assert not home.halves.running and home.halves.planned is None


@pytest.mark.canvas
def test_the_assemblies_dock_leads_here(viewer, home, recording, trained_model, qtbot):
    home.show(recording, trained_model)
    until(qtbot, lambda: home.workspace.trained is not None)
    assemblies = open_dock(viewer, "Assemblies").findChild(AssembliesWidget)
    assemblies.halves.click()
    assert open_dock(viewer, "Reproducibility").findChild(ReproducibilityWidget) is not None


def test_regions_assigned_meanwhile_stay(home, recording, planted_model, monkeypatch, qtbot):
    home.show(recording, planted_model)
    until(qtbot, lambda: home.workspace.trained is not None)
    n, go_on = planted_model.n_assemblies, threading.Event()
    arrays = {"found": np.ones(n), "similarity": np.ones(n)}
    monkeypatch.setattr(
        "napari_crbm.viewer.jobs.halves.reproducibility",
        lambda *_, **__: go_on.wait(30) and SimpleNamespace(arrays=arrays),
    )
    home.halves.start(BRIEF)
    everywhere = Regions.from_labels(np.zeros(recording.n_neurons, dtype=int), ("Everywhere",))
    home.assign_regions(everywhere)
    until(qtbot, lambda: (home.workspace.trained.table["region"] == "Everywhere").any())
    go_on.set()
    until(qtbot, lambda: not home.busy)
    table = home.workspace.trained.table
    assert table["both_halves"].all() and (table["region"] == "Everywhere").any()
    planted_model.halves_ = None
