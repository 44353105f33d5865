"""The States dock: describes a model when it is looked at, links to the brain, exports."""

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import (
    assembly_evidence,
    brain_states,
    counted_assemblies,
    find_missing_members,
)
from napari_crbm.viewer.docks.states.widget import StatesWidget
from tests.viewer.conftest import FAST, until


@pytest.fixture
def dock(home, qtbot):
    widget = StatesWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture(scope="session")
def known_states(trained_model, recording):
    # Made before a window is, which finds the members otherwise.
    model = find_missing_members(trained_model, recording)
    return brain_states(model, recording, evidence=assembly_evidence(model, recording))


@pytest.fixture
def described(dock, trained_home, known_states, monkeypatch, qtbot):
    """The dock once it was looked at; what the library has found before is not found again."""
    monkeypatch.setattr("napari_crbm.analysis.brain_states", lambda *_, **__: known_states)
    dock.show()
    until(qtbot, lambda: dock.states is not None)
    return dock


def test_it_says_what_to_do_next_and_waits_until_it_is_seen(dock, home, recording, qtbot):
    assert "No recording" in dock.message.text() and not dock.body.isVisibleTo(dock)
    home.show(recording)
    assert "No model" in dock.message.text()
    home.busy_changed.emit("")
    assert dock.states is None


def test_numbers_are_the_librarys(dock, trained_home, known_states, qtbot):
    dock.show()
    until(qtbot, lambda: dock.states is not None)
    described, expected = dock, known_states
    assert expected.composition.verdict in described.verdict.text()
    assert described.summary.text() == expected.summary
    assert described.units.where.text() == expected.locality.verdict
    assert described.in_time.sets.item(0, 2).text() == f"{expected.combinations['n_frames'][0]:,}"
    trained = trained_home.workspace.trained
    counted = counted_assemblies(trained.model, trained.evidence)
    assert described.units.table.rowCount() == counted.sum() < FAST.n_hidden
    rows = {
        int(described.units.table.item(r, 0).text()): r
        for r in range(described.units.table.rowCount())
    }
    shown = described.units.table.item(rows[2], 1).text()
    assert shown == f"{100 * expected.table.loc[2, 'fraction_on']:.1f}"


def test_combinations_pairs_and_frames_show_in_the_brain(described, home, qtbot):
    sets = described.states.combinations
    row = int(np.flatnonzero(sets["n_assemblies"] == 2)[0])
    described.in_time.sets.cellClicked.emit(row, 1)
    members = tuple(int(number) for number in sets["assemblies"][row].split())
    assert home.workspace.assemblies == members
    home.workspace.choose_frame(300)
    assert described.in_time.cursors[0].value() == home.workspace.recording.times[300]
    described.tabs.setCurrentIndex(1)
    described.resize(370, 700)
    view = described.together.matrix.getPlotItem().getViewBox()
    position = view.mapViewToScene(described.in_time.image.pos().__class__(1.5, 0.5))
    described.together.read(position)
    first, second = described.together.order[0], described.together.order[1]
    assert described.together.pair.text().startswith(f"<b>{first} and {second}</b>")
    scale = described.together.scale
    assert (scale.low.text(), scale.high.text()) == ("1/8 of chance", "8 times chance")
    described.units.table.cellClicked.emit(0, 0)
    assert home.workspace.assembly == int(described.units.table.item(0, 0).text())


def test_figure_and_tables_are_written(described, home, qtbot, tmp_path):
    described.save_to(tmp_path / "states.pdf")
    described.export_to(tmp_path / "tables")
    until(qtbot, lambda: not home.busy)
    assert (tmp_path / "states.pdf").read_bytes().startswith(b"%PDF")
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {
        f"{name}.csv" for name in ("states", "locality", "combinations", "coactivation", "active")
    }
    active = pd.read_csv(tmp_path / "tables" / "active.csv")
    np.testing.assert_allclose(
        active["active_assemblies"], described.states.composition.counts, rtol=1e-4
    )


def test_another_recording_puts_everything_away(described, home, recording):
    home.workspace.open(recording)
    assert described.states is None and not described.body.isVisible()
    assert "No model" in described.message.text()


def test_all_columns_of_the_units_fit_the_dock(described, qtbot):
    described.resize(370, 700)
    described.tabs.setCurrentWidget(described.units)
    table = described.units.table
    until(qtbot, lambda: table.isVisible() and table.viewport().width() > 300)
    assert table.horizontalScrollBar().maximum() == 0


def test_labels_of_axes_fit_beside_their_plots(described, qtbot):
    """At the lowest height that a dock gives them."""
    described.resize(360, 560)
    qtbot.wait(50)
    for panel in (described.in_time.active, described.in_time.when):
        axis = panel.getAxis("left")
        assert axis.label.boundingRect().width() <= axis.geometry().height()
