"""The Compare dock: a second model of the same neurons, or of another animal."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_crbm.io import save_model, save_recording
from napari_crbm.model import CRBM
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.compare.pairs import FIRST_ONLY, FOUND, SECOND_ONLY
from napari_crbm.viewer.docks.compare.widget import CompareWidget
from napari_crbm.viewer.layers.compare import PAIR, SECOND_BRAIN, SECOND_OUTLINE
from napari_crbm.viewer.layers.names import ASSEMBLY
from napari_crbm.viewer.layers.outline import outline_segments
from napari_crbm.viewer.parts.dataframe_table import Column, DataFrameView
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    widget = CompareWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture(scope="module")
def other_animal():
    return simulate(n_neurons=350, n_frames=300, n_assemblies=5, seed=3).recording


def at_rest(qtbot, home):
    until(qtbot, lambda: not home.busy)


def altered(model: CRBM, lost: int) -> tuple[CRBM, np.ndarray]:
    """The same assemblies in another order, but for one that is replaced by noise."""
    rng = np.random.default_rng(0)
    weights = model.weights_.copy()
    weights[:, lost] = rng.permutation(weights[:, lost])
    order = rng.permutation(weights.shape[1])
    hidden = type(model.hidden_)(*(np.asarray(each)[order] for each in model.hidden_))
    return CRBM.from_parameters(weights[:, order], model.fields_, hidden), order


@pytest.fixture
def compared(dock, shown_home, recording, qtbot, tmp_path):
    """Compared with an altered copy from a file."""
    lost = int(shown_home.workspace.assembly)
    model, order = altered(shown_home.workspace.trained.model, lost)
    path = save_model(model, tmp_path / "other.h5", recording)
    dock.compare_with(path)
    until(qtbot, lambda: dock.found is not None and not shown_home.busy)
    return dock, shown_home, order, lost


def test_it_says_what_to_do_next(dock, home, recording):
    assert "No recording" in dock.message.text() and not dock.choose.isEnabled()
    home.show(recording)
    assert "No model" in dock.message.text() and not dock.choose.isEnabled()
    assert dock.body.isHidden() and dock.exports.isHidden()


def test_pairs_of_the_same_neurons(compared, qtbot):
    dock, home, order, lost = compared
    rows = dock.table.source.table
    found = rows[rows["group"] == FOUND]
    np.testing.assert_array_equal(order[found["second"].astype(int)], found["first"])
    assert lost not in found["first"].to_numpy() and str(len(found)) in dock.verdict.text()
    assert dock.message.isHidden() and not dock.body.isHidden()
    for group in (FOUND, FIRST_ONLY, SECOND_ONLY):
        dock.which.setCurrentText(group)
        shown = dock.table.source.table
        assert len(shown) == (rows["group"] == group).sum() and (shown["group"] == group).all()
    assert dock.table.chosen["second"] == np.flatnonzero(order == lost)[0]
    at_rest(qtbot, home)
    layer = home.viewer.layers[PAIR]
    assert set(layer.features["model"]) == {"second"}
    assert "only in the second" in dock.details.title.text()


def test_a_chosen_pair_is_in_the_brain(compared, recording, qtbot):
    dock, home, _, _ = compared
    dock.table.choose(1)
    at_rest(qtbot, home)
    row = dock.table.chosen
    assert home.workspace.assembly == row["first"]
    assert not home.viewer.layers[ASSEMBLY].visible
    layer = home.viewer.layers[PAIR]
    second = (layer.features["model"] == "second").to_numpy()
    shift = layer.data[second] - recording.coordinates[layer.features["neuron"][second]]
    assert np.ptp(shift, axis=0).max() < 1e-3 and shift[0, 2] > np.ptp(recording.coordinates[:, 2])
    first = outline_segments(recording.positions)[:, 0]
    second_outline = home.viewer.layers[SECOND_OUTLINE].data[:, 0]
    np.testing.assert_allclose(second_outline - first, [shift[0]] * len(first), atol=1e-2)
    dock.arrangement.setCurrentText("Overlaid")
    at_rest(qtbot, home)
    assert SECOND_BRAIN not in home.viewer.layers and SECOND_OUTLINE not in home.viewer.layers
    np.testing.assert_allclose(layer.data, recording.coordinates[layer.features["neuron"]])
    assert (layer.face_color == 1).all(), "an equal pair is white where it overlaps"
    members = dock.details.member_table.source.table
    assert (members["where"] == "both").all() and np.allclose(members["difference"], 0, atol=1e-5)
    assert "activities correlate with r = 1.00" in dock.details.title.text()
    dock.details.member_table.choose(2)
    assert home.workspace.neuron == members["neuron"][2]
    dock.shown.setChecked(False)
    at_rest(qtbot, home)
    assert PAIR not in home.viewer.layers and home.viewer.layers[ASSEMBLY].visible


def test_an_assembly_chosen_elsewhere_brings_its_pair(compared, qtbot):
    dock, home, _, _ = compared
    other = int(dock.table.source.table["first"].dropna().iloc[-1])
    home.workspace.choose_assembly(other)
    at_rest(qtbot, home)
    assert dock.table.chosen["first"] == other and not home.viewer.layers[ASSEMBLY].visible


def test_another_animal(dock, shown_home, other_animal, qtbot, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    model = shown_home.workspace.trained.model
    rows = rng.integers(model.n_neurons, size=other_animal.n_neurons)
    second = CRBM.from_parameters(model.weights_[rows], model.fields_[rows], model.hidden_)
    path = save_model(second, tmp_path / "second.h5")
    save_recording(other_animal, tmp_path / "second-fish.h5")
    asked = []

    def choose(_parent, title, *_):
        asked.append(title)
        return str(tmp_path / "second-fish.h5"), ""

    monkeypatch.setattr("napari_crbm.viewer.docks.compare.run.QFileDialog.getOpenFileName", choose)
    dock.compare_with(path)
    until(qtbot, lambda: dock.found is not None and not shown_home.busy)
    assert "350 other neurons" in asked[0] and dock.found.by == "places"
    assert not dock.by.model().item(0).isEnabled(), "these are not the same neurons"
    assert "animal" in dock.details.member_table.source.table
    assert len(dock.details.region_table.source.table) > 2
    dock.arrangement.setCurrentText("Overlaid")
    at_rest(qtbot, shown_home)
    assert SECOND_BRAIN in shown_home.viewer.layers
    assert SECOND_OUTLINE in shown_home.viewer.layers
    dock.by.setCurrentIndex(dock.by.findData("regions"))
    until(qtbot, lambda: not shown_home.busy)
    assert dock.found.by == "regions"


def test_export_and_python_that_repeats_it(compared, recording, qtbot, tmp_path, monkeypatch):
    dock, home, _, _ = compared
    for name in ("pairs.csv", "pairs.parquet", "pairs.svg"):
        dock.export(tmp_path / name)
        until(qtbot, lambda: not home.busy)
    table = pd.read_csv(tmp_path / "pairs.csv")
    assert len(table) == 5 and (tmp_path / "pairs.svg").read_text().count("counterparts")
    assert len(pd.read_parquet(tmp_path / "pairs.parquet")) == 5
    monkeypatch.chdir(tmp_path)
    save_recording(recording, tmp_path / "recording.h5")
    save_model(home.workspace.trained.model, tmp_path / "model.h5", recording)
    dock.copy.click()
    assert QApplication.clipboard().text() == dock.code()
    exec(compile(dock.code("again.csv"), "copied", "exec"), {})
    pd.testing.assert_frame_equal(pd.read_csv("again.csv"), table)


def test_it_ends_with_another_model(compared, qtbot):
    dock, home, _, _ = compared
    other = deepcopy(home.workspace.trained.model)
    home.workspace.show_model(home.workspace.trained.__class__.of(other, home.workspace.recording))
    at_rest(qtbot, home)
    assert dock.found is None and dock.body.isHidden() and PAIR not in home.viewer.layers
    assert home.viewer.layers[ASSEMBLY].visible


def test_a_file_that_is_no_model(dock, shown_home, recording, qtbot, tmp_path, errors):
    save_recording(recording, tmp_path / "recording.h5")
    dock.compare_with(tmp_path / "recording.h5")
    until(qtbot, lambda: errors)
    assert "recording.h5" in errors[0] and dock.choose.text() == "Compare with..."


def test_numbers_are_written_as_a_person_reads_them(qtbot):
    """Differences of equal weights are rounding errors; they sort by value all the same."""
    view = DataFrameView((Column("difference", "Difference", 60, "{:+.2f}"),), "")
    qtbot.addWidget(view)
    view.show_table(pd.DataFrame({"difference": [2e-8, 0.5, -1.06e-08, -0.25, np.nan]}))
    model = view.model()

    def shown() -> list[str]:
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    assert shown() == ["0.00", "+0.50", "0.00", "-0.25", ""]
    view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert shown() == ["", "-0.25", "0.00", "0.00", "+0.50"]
    values = view.source.table["difference"]
    assert values[model.mapToSource(model.index(2, 0)).row()] < 0, "the negative one first"


def test_a_second_brain_that_was_removed_by_hand_comes_back(compared, viewer, qtbot):
    dock, home, _, _ = compared
    viewer.layers.remove(SECOND_BRAIN)
    dock.table.choose(2)
    at_rest(qtbot, home)
    assert SECOND_BRAIN in viewer.layers


def test_where_there_is_no_pair_nothing_of_the_last_one_is_left(compared, qtbot):
    dock, home, _, _ = compared
    dock.which.setCurrentText(SECOND_ONLY)
    if dock.table.source.rowCount():
        dock.which.setCurrentText(FIRST_ONLY)
    dock.table.source.show(dock.table.source.table.iloc[:0])
    dock._show_pair()
    at_rest(qtbot, home)
    assert dock.details.title.text() == "No such pair."
    assert not dock.details.member_table.source.rowCount()
