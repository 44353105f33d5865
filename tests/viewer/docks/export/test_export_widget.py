"""The Export dock: what can be chosen when, writing, cancelling, and code to copy."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from qtpy.QtWidgets import QApplication, QLabel

from napari_crbm import analysis
from napari_crbm.figures import KINDS
from napari_crbm.io import save_model, save_recording
from napari_crbm.model import CRBM, DReLU
from napari_crbm.simulation import simulate
from napari_crbm.viewer.docks.export.widget import ExportWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.colour_kinds import by_region
from napari_crbm.viewer.layers.pictures import write_movie, write_picture
from tests.viewer.conftest import until


@pytest.fixture
def dock(home, qtbot):
    widget = ExportWidget(home.viewer)
    qtbot.addWidget(widget)
    return widget


def test_it_says_what_to_do_next(dock, home, recording):
    assert "No recording" in dock.message.text() and not dock.save.isEnabled()
    home.show(recording)
    assert "No model" in dock.message.text() and not dock.save.isEnabled()
    dock.choose("canvas")
    assert dock.save.isEnabled() and dock.copy.isEnabled()


def test_figures_and_tables_are_written(dock, shown_home, qtbot, tmp_path):
    dock.choose("sheet")
    assert f"Assembly {shown_home.workspace.assembly}" in dock.hint.text()
    dock.write(tmp_path / "sheet.svg")
    assert dock.save.text() == "Cancel"
    until(qtbot, lambda: dock.save.text() == "Save as...")
    assert "<svg" in (tmp_path / "sheet.svg").read_text()
    dock.choose("tables")
    assert dock.form["theme"].native.isHidden() and dock.form["dpi"].native.isHidden()
    assert not dock.form["table_format"].native.isHidden()
    dock.write(tmp_path / "tables")
    until(qtbot, lambda: not shown_home.busy)
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "assemblies.csv",
        "members.csv",
        "weights.csv",
        "activity.csv",
    }


def test_cancelling_a_book_leaves_nothing(dock, shown_home, qtbot, tmp_path):
    dock.choose("book")
    dock.write(tmp_path / "book.pdf")
    dock.save.click()
    until(qtbot, lambda: dock.save.text() == "Save as...")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_ending_is_explained(dock, shown_home, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.docks.export.widget.show_error", shown.append)
    dock.choose("book")
    dock.write(tmp_path / "book.png")
    assert "must end in .pdf" in shown[0] and dock.save.text() == "Save as..."


def test_python_is_copied(dock, shown_home):
    dock.choose("sheet")
    dock.form["width_mm"].value = 90
    dock.copy.click()
    code = QApplication.clipboard().text()
    assert f"assembly={shown_home.workspace.assembly}" in code and "width_mm=90" in code
    compile(code, "copied", "exec")


def test_movies_are_checked_before_the_window_turns(dock, shown_home, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.docks.export.widget.show_error", shown.append)
    dock.choose("movie")
    dock.write(tmp_path / "brain.avi")
    assert ".gif or .mp4" in shown[0] and dock.save.text() == "Save as..."
    pictures = list(np.random.default_rng(0).integers(0, 255, (4, 65, 47, 3)).astype(np.uint8))
    pytest.importorskip("imageio_ffmpeg")
    for name in ("a.gif", "a.mp4"):
        write_movie(tmp_path / name, pictures)
        assert (tmp_path / name).stat().st_size > 1000


def opened_from_disk(home, qtbot, folder):
    """A small recording and a model of its planted assemblies, opened as a person does."""
    simulation = simulate(n_neurons=200, n_frames=200, n_assemblies=4, seed=0)
    membership = np.asarray(simulation.truth.membership)
    ones = np.ones(membership.shape[1])
    # Weak enough for chains to settle quickly.
    weights = np.random.default_rng(0).uniform(0.1, 0.3, membership.shape) * membership
    model = CRBM.from_parameters(
        weights.astype(np.float32),
        np.full(len(weights), -3, np.float32),
        DReLU(ones, ones, 0 * ones, 0 * ones),
    )
    frames = np.arange(200)
    model.split_ = {"train": frames[:140], "test": frames[140:]}
    for path in (
        save_recording(simulation.recording, folder / "recording.h5"),
        save_model(model, folder / "model.h5", simulation.recording),
    ):
        home.opening.open_file(path)
        until(qtbot, lambda: not home.busy)
    assert home.workspace.trained is not None and home.workspace.model_path is not None


def test_python_repeats_what_is_in_the_canvas(dock, home, qtbot, tmp_path, monkeypatch):
    """The lines show the same in another viewer; taking the picture needs a real canvas."""
    opened_from_disk(home, qtbot, tmp_path)
    workspace, camera = home.workspace, home.viewer.scene.camera
    view = workspace.region_view
    workspace.choose_assemblies([3, 1])
    workspace.set_threshold(0.4)
    workspace.choose_frame(12)
    workspace.choose_neuron(7)
    workspace.choose_neurons([4, 5])
    workspace.show_colouring(by_region(workspace))
    view.tick([2])
    view.paint([2], (0.1, 0.2, 0.3))
    view.restrict(True)
    until(qtbot, lambda: not home.busy)
    camera.angles = (10.0, 20.0, 30.0)
    dock.choose("movie")
    code = dock.code(tmp_path / "a.gif")
    workspace.open(workspace.recording)
    workspace.set_threshold(0.2)
    camera.angles = (0.0, 0.0, 0.0)
    seen = []
    monkeypatch.setattr(
        "napari_crbm.viewer.layers.pictures.save_turn",
        lambda viewer, path, **options: seen.append((path, options)),
    )
    monkeypatch.setattr("napari.Viewer", lambda: home.viewer)
    assert code.endswith("viewer.close()\n")
    exec(compile(code.removesuffix("viewer.close()\n"), "copied", "exec"), {})
    size = tuple(int(side) for side in home.viewer.canvas.size)
    assert seen == [(str(tmp_path / "a.gif"), {"size": size, "n_pictures": 67})]
    assert workspace.assemblies == (3, 1) and workspace.threshold == 0.4
    assert workspace.frame == 12 and workspace.neuron == 7
    assert workspace.neurons.tolist() == [4, 5] and workspace.colouring.kind == "region"
    assert np.flatnonzero(view.ticked).tolist() == [2] and view.only_ticked
    np.testing.assert_allclose(view.colours[2, :3], (0.1, 0.2, 0.3))
    np.testing.assert_allclose(camera.angles, (10, 20, 30), atol=1e-3)


@pytest.mark.opengl
@pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"),
    reason="needs a display, real or virtual (xvfb-run)",
)
def test_every_export_is_repeated_by_its_python(make_napari_viewer, qtbot, tmp_path, monkeypatch):
    """Files that the dock wrote, and those of a fresh process that is given its lines."""
    script = [
        "from functools import partial",
        "from napari_crbm import analysis",
        "few = partial(analysis.evaluate_held_out, n_samples=400, n_chains=20)",
        "analysis.evaluate_held_out = few",
    ]
    # To be quick, in both processes; put back at the end.
    monkeypatch.setattr(analysis, "evaluate_held_out", analysis.evaluate_held_out)
    exec("\n".join(script), {})
    viewer = make_napari_viewer(show=True)
    home = home_of(viewer)
    opened_from_disk(home, qtbot, tmp_path)
    dock = ExportWidget(viewer)
    qtbot.addWidget(dock)
    home.workspace.choose_assemblies([3, 1])
    viewer.scene.camera.angles = (10.0, 20.0, 30.0)
    dock.form["width_mm"].value = 90
    dock.form["dpi"].value = 60
    dock.form["length_s"].value = 0.5
    names = {"book": "a.pdf", "tables": "tables", "nwb": "a.nwb", "weights": "a.h5"}
    names |= {"movie": "a.gif", "sheet": "sheet.svg"}
    first, again = tmp_path / "first", tmp_path / "again"
    for place in range(dock.kind.count()):
        kind = dock.kind.itemData(place)
        dock.choose(kind)
        name = names.get(kind, f"{kind}.png")
        for folder in (first, again):
            (folder / kind).mkdir(parents=True)
        script.append(dock.code(Path(kind, name)))
        dock.write(first / kind / name)
        until(qtbot, lambda: not home.busy and not dock._running)
    (tmp_path / "script.py").write_text("\n".join(script))
    ran = subprocess.run(
        [sys.executable, tmp_path / "script.py"], cwd=again, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    written = sorted(path.relative_to(first) for path in first.rglob("*.*"))
    assert written == sorted(path.relative_to(again) for path in again.rglob("*.*"))
    assert {path.parts[0] for path in written} == {*KINDS, "canvas", "movie"}
    for path in written:
        assert_alike(first / path, again / path)


def assert_alike(one: Path, other: Path) -> None:
    """Same tables; same pictures, and as many of them; documents of as many pages."""
    if one.suffix == ".csv":
        pd.testing.assert_frame_equal(pd.read_csv(one), pd.read_csv(other))
    elif one.suffix in (".png", ".gif"):
        with Image.open(one) as a, Image.open(other) as b:
            assert a.size == b.size and getattr(a, "n_frames", 1) == getattr(b, "n_frames", 1)
            # The graphics card may round differently.
            difference = np.abs(np.asarray(a.convert("RGB"), int) - np.asarray(b.convert("RGB")))
            assert difference.mean() < 1, one.name
            assert np.ptp(np.asarray(a.convert("L"))) > 100, "something is drawn"
    elif one.suffix == ".pdf":
        pages = [path.read_bytes().count(b"/Type /Page ") for path in (one, other)]
        assert pages[0] == pages[1] > 1
    else:
        assert one.stat().st_size == pytest.approx(other.stat().st_size, rel=0.02)


@pytest.fixture
def grey_canvas(monkeypatch):
    """What is on the canvas where nothing can be drawn."""
    picture = np.full((4, 4, 4), 128, dtype=np.uint8)
    monkeypatch.setattr(
        "napari_crbm.viewer.docks.export.widget.canvas_picture", lambda *_, **__: picture
    )
    return picture


def test_a_folder_that_cannot_be_written_is_named(
    dock, shown_home, grey_canvas, errors, qtbot, tmp_path
):
    dock.choose("canvas")
    dock.write(tmp_path / "missing" / "canvas.png")
    until(qtbot, lambda: errors)
    assert len(errors) == 1 and "missing" in errors[0] and "report" not in errors[0]
    assert dock.save.text() == "Save as..."


def test_a_picture_of_the_canvas_is_written_in_the_background(
    dock, shown_home, grey_canvas, qtbot, tmp_path, monkeypatch
):
    threads = []

    def write(path, picture):
        threads.append(threading.current_thread().name)
        return write_picture(path, picture)

    monkeypatch.setattr("napari_crbm.viewer.docks.export.widget.write_picture", write)
    dock.choose("canvas")
    dock.write(tmp_path / "canvas.png")
    until(qtbot, lambda: dock.save.text() == "Save as...")
    assert threads == ["napari-crbm job"]
    np.testing.assert_array_equal(iio.imread(tmp_path / "canvas.png"), grey_canvas)


def test_without_an_assembly_there_is_no_sheet(dock, shown_home):
    dock.choose("sheet")
    shown_home.workspace.choose_assembly(None)
    assert not dock.save.isEnabled() and not dock.copy.isEnabled()
    assert "Choose an assembly" in dock.hint.text()
    shown_home.workspace.choose_assembly(2)
    assert dock.save.isEnabled() and "Assembly 2" in dock.hint.text()


def test_what_needs_a_model_cannot_be_chosen_without(dock, home, recording, qtbot):
    def usable():
        return {
            dock.kind.itemData(place)
            for place in range(dock.kind.count())
            if dock.kind.model().item(place).isEnabled()
        }

    assert usable() == set()
    home.show(recording)
    assert usable() == {"canvas", "movie"}


def test_a_movie_whose_pictures_fail_says_so_once(dock, shown_home, errors, qtbot, monkeypatch):
    said, asked = [], []

    def broken(*_, **__):
        asked.append(1)
        raise RuntimeError("no graphics")

    monkeypatch.setattr("napari_crbm.viewer.docks.export.widget.show_error", said.append)
    monkeypatch.setattr("napari_crbm.viewer.docks.export.widget.canvas_picture", broken)
    before = shown_home.viewer.scene.camera.angles
    dock.choose("movie")
    dock.write(Path("brain.gif"))
    until(qtbot, lambda: said)
    qtbot.wait(50)
    assert len(said) == len(asked) == 1 and "no graphics" in said[0]
    assert dock.save.text() == "Save as..." and dock.save.isEnabled()
    np.testing.assert_allclose(shown_home.viewer.scene.camera.angles, before)


def test_a_movie_can_be_cancelled(dock, shown_home, grey_canvas, qtbot, tmp_path):
    dock.choose("movie")
    dock.write(tmp_path / "brain.gif")
    until(qtbot, lambda: dock.bar.value() > 0)
    dock.save.click()
    assert dock.save.text() == "Save as..." and not shown_home.busy
    qtbot.wait(50)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_what_was_written_can_be_shown(
    dock, shown_home, grey_canvas, qtbot, tmp_path, monkeypatch
):
    opened = []
    monkeypatch.setattr(
        "napari_crbm.viewer.docks.export.widget.QDesktopServices.openUrl",
        lambda url: opened.append(Path(url.toLocalFile())),
    )
    assert dock.show_folder.isHidden()
    dock.choose("canvas")
    dock.write(tmp_path / "canvas.png")
    until(qtbot, lambda: not dock.show_folder.isHidden())
    assert "canvas.png" in dock.result.text()
    dock.show_folder.click()
    assert opened == [tmp_path]


def test_its_fields_come_back(dock, home, qtbot):
    dock.choose("gallery")
    dock.form["dpi"].value = 600
    dock.form["width_mm"].value = 90
    later = ExportWidget(home.viewer)
    qtbot.addWidget(later)
    assert later.chosen == "gallery"
    exported = later.export_to(Path("a.png"))
    assert (exported.dpi, exported.width_mm) == (600, 90)
    assert ExportWidget.export_to(dock, Path("a.png")) == exported


def test_what_is_chosen_is_always_labelled(dock, shown_home, qtbot):
    dock.resize(360, 500)
    dock.show()
    for place in range(dock.kind.count()):
        dock.kind.setCurrentIndex(place)
        qtbot.wait(10)
        labels = [label for label in dock.findChildren(QLabel) if label.text() == "What"]
        assert len(labels) == 1 and labels[0].isVisible() and labels[0].height() >= 12
