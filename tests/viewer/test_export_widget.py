"""The Export dock: what can be chosen when, writing, cancelling, and code to copy."""

import pytest
from qtpy.QtWidgets import QApplication

from napari_crbm.viewer.export_widget import ExportWidget
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
    assert dock.save.isEnabled() and not dock.copy.isEnabled()


def test_figures_and_tables_are_written(dock, trained_home, qtbot, tmp_path):
    dock.choose("sheet")
    assert f"Assembly {trained_home.workspace.assembly}" in dock.hint.text()
    dock.write(tmp_path / "sheet.svg")
    assert dock.save.text() == "Cancel"
    until(qtbot, lambda: dock.save.text() == "Save as...")
    assert "<svg" in (tmp_path / "sheet.svg").read_text()
    dock.choose("tables")
    assert dock.theme.isHidden() and dock.dpi.isHidden()
    dock.write(tmp_path / "tables")
    until(qtbot, lambda: not trained_home.busy)
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "assemblies.csv",
        "members.csv",
        "activity.csv",
    }


def test_cancelling_a_book_leaves_nothing(dock, trained_home, qtbot, tmp_path):
    dock.choose("book")
    dock.write(tmp_path / "book.pdf")
    dock.save.click()
    until(qtbot, lambda: dock.save.text() == "Save as...")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_ending_is_explained(dock, trained_home, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("napari_crbm.viewer.export_widget.show_error", shown.append)
    dock.choose("book")
    dock.write(tmp_path / "book.png")
    assert "must end in .pdf" in shown[0] and dock.save.text() == "Save as..."


def test_python_is_copied(dock, trained_home):
    dock.choose("sheet")
    dock.width_mm.setValue(90)
    dock.copy.click()
    code = QApplication.clipboard().text()
    assert f"assembly={trained_home.workspace.assembly}" in code and "width_mm=90.0" in code
    compile(code, "copied", "exec")
