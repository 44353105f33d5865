"""The Export dock: what can be chosen when, writing, cancelling, and code to copy."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_crbm.viewer.export_widget import ExportWidget
from napari_crbm.viewer.pictures import draw_legend, write_movie
from napari_crbm.viewer.workspace import Trained
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
    assert dock.theme.isHidden() and dock.dpi.isHidden() and not dock.table_format.isHidden()
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
    monkeypatch.setattr("napari_crbm.viewer.export_widget.show_error", shown.append)
    dock.choose("book")
    dock.write(tmp_path / "book.png")
    assert "must end in .pdf" in shown[0] and dock.save.text() == "Save as..."


def test_python_is_copied(dock, shown_home):
    dock.choose("sheet")
    dock.width_mm.setValue(90)
    dock.copy.click()
    code = QApplication.clipboard().text()
    assert f"assembly={shown_home.workspace.assembly}" in code and "width_mm=90.0" in code
    compile(code, "copied", "exec")


def test_a_legend_says_what_is_shown(shown_home):
    workspace = shown_home.workspace
    blank = np.zeros((200, 300, 4), np.uint8)
    blank[..., 3] = 255
    one = draw_legend(blank.copy(), workspace)
    workspace.choose_assemblies([0, 1, 2])
    workspace.choose_frame(10)
    several = draw_legend(blank.copy(), workspace)
    assert one.shape == blank.shape and not np.array_equal(one, several)
    for picture, lines in ((one, 2), (several, 5)):
        written = np.flatnonzero(picture[..., :3].max(axis=(1, 2)) > 60)
        assert written.min() >= 16 and 16 + 22 * (lines - 1) < written.max() < 16 + 22 * lines
    redness = several[..., 0].astype(int) - several[..., 2]
    assert (redness > 100).any() and (redness < -60).any()


def test_movies_are_checked_before_the_window_turns(dock, shown_home, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.export_widget.show_error", shown.append)
    dock.choose("movie")
    dock.write(tmp_path / "brain.avi")
    assert ".gif or .mp4" in shown[0] and dock.save.text() == "Save as..."
    pictures = list(np.random.default_rng(0).integers(0, 255, (4, 65, 47, 3)).astype(np.uint8))
    pytest.importorskip("imageio_ffmpeg")
    for name in ("a.gif", "a.mp4"):
        write_movie(tmp_path / name, pictures)
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("kind", ["canvas", "movie"])
def test_python_for_the_canvas(
    dock, shown_home, recording, planted_model, tmp_path, monkeypatch, kind
):
    """The lines show the same in another viewer; taking the picture needs a real canvas."""
    from napari_crbm.io import save_model, save_recording

    saved = replace(
        recording, metadata={"path": str(save_recording(recording, tmp_path / "recording.h5"))}
    )
    shown_home.workspace.open(saved)
    path = save_model(planted_model, tmp_path / "model.h5", recording)
    shown_home.workspace.show_model(Trained.of(planted_model, saved), path)
    shown_home.workspace.choose_assemblies([3, 1])
    shown_home.workspace.choose_frame(12)
    shown_home.viewer.scene.camera.angles = (10.0, 20.0, 30.0)
    dock.choose(kind)
    seen = []
    name = {"canvas": "save_canvas", "movie": "save_turn"}[kind]
    monkeypatch.setattr(
        f"napari_crbm.viewer.pictures.{name}", lambda viewer, path: seen.append((viewer, path))
    )
    viewers = [shown_home.viewer]
    monkeypatch.setattr("napari_crbm.viewer.open_viewer", lambda _recording: viewers[0])
    shown_home.workspace.choose_assembly(0)
    shown_home.workspace.choose_assemblies([3, 1])
    code = dock.code(tmp_path / "a.png")
    shown_home.workspace.choose_assembly(0)
    shown_home.viewer.scene.camera.angles = (0.0, 0.0, 0.0)
    exec(compile(code, "copied", "exec"), {})
    assert seen == [(shown_home.viewer, str(tmp_path / "a.png"))]
    assert shown_home.workspace.assemblies == (3, 1) and shown_home.workspace.frame == 12
    np.testing.assert_allclose(shown_home.viewer.scene.camera.angles, (10, 20, 30), atol=1e-3)
