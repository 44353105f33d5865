"""The atlas panel: every part of a placement, its preview and score, levels, own regions."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.anatomy.hierarchy import at_level
from napari_crbm.anatomy.placement import Placement, score_placements
from napari_crbm.regions import Regions
from napari_crbm.viewer.docks.anatomy.atlas_panel import OWN, AtlasPanel
from napari_crbm.viewer.layers.connectivity import (
    ATLAS_OUTLINE,
    PLACED,
    ConnectionLayers,
)
from tests.viewer.conftest import until

pytest.importorskip("skimage")


@pytest.fixture
def panel(home, qtbot, monkeypatch):
    shown: list[str] = []
    for module in ("docks.anatomy.atlas_panel", "docks.anatomy.placement_form", "home"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.show_error", shown.append)
    made = AtlasPanel(home, ConnectionLayers(home.viewer))
    qtbot.addWidget(made)
    made.errors = shown
    made.found = []
    made.assigned.connect(made.found.append)
    return made


@pytest.fixture
def opened(panel, home, recording, qtbot):
    """The parametric fish, and neurons that are turned, moved and in millimetres."""
    undone = Placement.onto(fish_atlas(), turn_deg=(9, 0, 0), shift_um=(40, 30, -20))
    wrong = undone.invert(recording.coordinates) / 1000
    home.workspace.open(replace(recording, coordinates=wrong.astype(np.float32), regions=None))
    panel.open.click()
    until(qtbot, lambda: panel.atlas is not None)
    return panel


def inside(home) -> float:
    return float(home.viewer.layers[PLACED].features["inside"].mean())


def test_unit_shift_and_turn_bring_neurons_home(opened, home, recording, qtbot):
    assert opened.unit.value() == 1000, "millimetres are recognised"
    before = inside(home)
    for box, value in zip(opened.form.shift, (40, 30, -20), strict=True):
        box.setValue(value)
    opened.form.turn[0].setValue(9)
    assert inside(home) > 0.99 > before
    assert f"{100 * inside(home):.1f} %" in opened.score.text()
    np.testing.assert_allclose(
        opened.placement.apply(home.workspace.recording.coordinates),
        recording.coordinates,
        atol=0.1,
    )
    vertices = home.viewer.layers[ATLAS_OUTLINE].data[0]
    assert np.all(vertices.min(axis=0) < recording.coordinates.min(axis=0) + 20)
    opened.assign.click()
    until(qtbot, lambda: opened.found)
    assert PLACED not in home.viewer.layers
    for name in opened.found[0].regions.names:
        expected = recording.regions.members(name)
        assert len(set(opened.found[0].regions.members(name)) ^ set(expected)) <= 1


def test_all_flips_are_scored_and_can_be_chosen(opened, home, qtbot):
    until(qtbot, lambda: opened.form.scored.count() == 8)
    sample = opened._sample(1500)
    table = score_placements(opened.atlas, sample, opened.placement)
    texts = [opened.form.scored.itemText(k) for k in range(8)]
    assert texts[0].startswith(f"{100 * table['inside'].iloc[0]:.1f} %")
    row = next(k for k, text in enumerate(texts) if text.endswith("flip z, y, x"))
    opened.form.scored.activated.emit(row)
    assert all(box.isChecked() for box in opened.flips)
    assert opened.placement.flips == (True, True, True)


def test_centre_and_undo_turn(opened, home):
    opened.form.turn[1].setValue(45)
    opened.form.level_head.click()
    assert opened.placement.turn_deg == (0, 0, 0)
    opened.form.shift[1].setValue(900)
    assert inside(home) < 0.3
    opened.form.centre.click()
    assert inside(home) > 0.7
    assert abs(opened.form.shift[1].value()) < 60


def test_centre_and_then_best_finds_the_flips(panel, home, recording, qtbot):
    flipped = Placement.onto(fish_atlas(), flips=(True, True, False)).apply(recording.coordinates)
    moved = (flipped + np.array([150, -400, 60])).astype(np.float32)
    home.workspace.open(replace(recording, coordinates=moved, regions=None))
    panel.open.click()
    until(qtbot, lambda: panel.atlas is not None)
    panel.form.centre.click()
    panel.best.click()
    assert panel.placement.flips == (True, True, False)
    assert inside(home) > 0.95
    until(qtbot, lambda: panel.form.scored.currentText().endswith("flip z, y"))
    row = next(k for k in range(8) if panel.form.scored.itemText(k).endswith("no flip"))
    panel.form.scored.activated.emit(row)
    # The shift goes with the flips.
    assert panel.placement.flips == (False, False, False) and panel.placement.shift_um[1] > 100
    panel.form.unit.setValue(0.4)
    until(qtbot, lambda: "size of a pixel" in panel.score.text())


def test_affine_maps_from_files(opened, home, tmp_path):
    path = tmp_path / "map.txt"
    path.write_text("1 0 0 0\n0 1 0 2000\n0 0 1 0\n")
    opened.form.read_affine(path)
    assert inside(home) == 0 and "map.txt" in opened.form.affine_text.text()
    opened.form.affine_clear.click()
    assert inside(home) > 0 and opened.placement.matrix is None
    path.write_text("1 2 3\n")
    opened.form.read_affine(path)
    assert "rows of 3 numbers" in opened.errors[0]


def test_levels_are_those_of_the_atlas(panel, home, recording, tmp_path, qtbot):
    labels = np.zeros((10, 10, 10), dtype=np.uint8)
    labels[:5], labels[5:8], labels[8:] = 1, 2, 3
    np.save(tmp_path / "brain.npy", labels)
    (tmp_path / "names.csv").write_text("1,Front / Left part\n2,Front / Other part\n3,Back\n")
    home.workspace.open(recording)
    panel.source.setEditText(str(tmp_path / "brain.npy"))
    assert not panel.names_row.isHidden() and not panel.volume_row.isHidden()
    panel.names.setText(str(tmp_path / "names.csv"))
    panel.spacing.setText("30, 100")
    panel.open.click()
    until(qtbot, lambda: panel.errors)
    assert "expected three numbers, one per axis, found 2" in panel.errors[0]
    panel.spacing.setText("30, 100, 50")
    panel.open.click()
    until(qtbot, lambda: panel.atlas is not None)
    texts = [panel.level.itemText(k) for k in range(panel.level.count())]
    assert texts == [
        "Smallest regions",
        "Level 1 (top): 2 regions",
        "Level 2: 2 regions",
        "All levels, overlapping",
    ]
    panel.level.setCurrentIndex(1)
    panel.sides.setChecked(False)
    panel.assign.click()
    until(qtbot, lambda: panel.found)
    assert panel.found[0].regions.names == ("Front", "Back")


def test_own_regions_get_names_and_levels(panel, home, recording, tmp_path, qtbot):
    panel.source.setEditText(OWN)
    panel.open.click()
    assert "has no regions" in panel.errors[0]
    rng = np.random.default_rng(0)
    dense = rng.random((recording.n_neurons, 4)) < 0.4
    regions = Regions.from_dense(dense, tuple(f"ZBrain region {k}" for k in range(4)))
    home.workspace.open(replace(recording, regions=regions))
    names = tmp_path / "names.txt"
    names.write_text("Diencephalon -\nDiencephalon - Habenula\nDiencephalon - Thalamus\nGanglia\n")
    panel.names.setText(str(names))
    panel.open.click()
    assert panel.atlas is None and panel.form.isHidden()
    panel.level.setCurrentIndex(panel.level.findData(0))
    assert panel.level.currentText() == "Level 1 (top): 2 regions"
    panel.assign.click()
    until(qtbot, lambda: panel.found)
    renamed = Regions(regions.membership, tuple(names.read_text().splitlines()))
    assert panel.found[0].regions.names == ("Diencephalon", "Ganglia")
    np.testing.assert_array_equal(panel.found[0].regions.counts, at_level(renamed, 0).counts)
    panel.names.setText(str(tmp_path / "none.txt"))
    panel.open.click()
    assert "cannot be read" in panel.errors[-1]


def test_an_atlas_that_is_not_here_offers_the_download(panel):
    panel.source.setEditText("allen_mouse_25um")
    assert not panel.download.isHidden() and panel.volume_row.isHidden()
    panel.source.setEditText("larval-fish")
    assert panel.download.isHidden()


def test_bodies_of_assigned_regions_are_those_of_the_atlas(opened, home, recording, qtbot):
    from napari_crbm.anatomy.meshes import region_mesh
    from napari_crbm.viewer.layers.names import REGIONS

    for box, value in zip(opened.form.shift, (40, 30, -20), strict=True):
        box.setValue(value)
    opened.form.turn[0].setValue(9)
    opened.assign.click()
    until(qtbot, lambda: opened.found)
    home.assign_regions(*opened.found[0])
    view = home.workspace.region_view
    name = "Cerebellum L"
    view.tick([view.regions.names.index(name)])
    until(qtbot, lambda: REGIONS in home.viewer.layers)
    vertices = home.viewer.layers[REGIONS].data[0]
    expected, _ = region_mesh(fish_atlas(), name)
    np.testing.assert_allclose(opened.placement.apply(vertices), expected, atol=0.5)
    step = home.workspace.recording.provenance[-1]
    assert step.parameters["atlas"]["source"] == "larval-fish"
    assert step.parameters["placement"]["turn_deg"] == (9, 0, 0)
