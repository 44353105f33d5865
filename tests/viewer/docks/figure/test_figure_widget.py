"""The Figure dock: panels, preview, files."""

from napari_crbm.viewer.docks.figure.widget import FigureWidget
from tests.viewer.conftest import until


def test_a_figure_is_composed_from_the_screen_previewed_and_saved(
    viewer, shown_home, qtbot, tmp_path
):
    widget = FigureWidget(viewer)
    qtbot.addWidget(widget)
    workspace = shown_home.workspace
    workspace.choose_assembly(1)
    widget.take_screen()
    panels = [str(panel) for panel in widget.composition().panels]
    assert panels == [
        "brain:1", "trace:1", "regions:1", "raster"
    ]  # fmt: skip
    widget.panels.setCurrentRow(0)
    widget.remove.click()
    widget.kind.setCurrentIndex(widget.kind.findData("gallery"))
    assert widget.of.isHidden()
    widget.add.click()
    assert str(widget.composition().panels[-1]) == "gallery"
    widget.journal.setCurrentIndex(widget.journal.findData("cell"))
    assert [widget.columns.itemData(k) for k in range(3)] == ["single", "middle", "double"]
    widget.draw()
    until(qtbot, lambda: not shown_home.busy and not widget.preview.pixmap().isNull())
    assert "174 x" in widget.status.text()
    widget.write(tmp_path / "figure.svg")
    until(qtbot, lambda: (tmp_path / "figure.svg").exists() and not shown_home.busy)
    assert "Wrote" in widget.status.text() and not widget.show_folder.isHidden()


def test_what_does_not_fit_is_said(viewer, shown_home, qtbot):
    widget = FigureWidget(viewer)
    qtbot.addWidget(widget)
    widget.kind.setCurrentIndex(widget.kind.findData("gallery"))
    for _ in range(5):
        widget.add.click()
    widget.draw()
    until(qtbot, lambda: "leave out panels" in widget.status.text())
    assert widget.preview.pixmap().isNull()
    widget.panels.clear()
    assert not widget.save.isEnabled()


def test_slow_panels_wait_for_a_press(viewer, shown_home, qtbot):
    widget = FigureWidget(viewer)
    qtbot.addWidget(widget)
    widget.kind.setCurrentIndex(widget.kind.findData("population"))
    widget.add.click()
    widget._draw_if_quick()
    assert "Press Preview" in widget.status.text()


def test_without_a_model_it_says_what_to_do(viewer, home, qtbot):
    widget = FigureWidget(viewer)
    qtbot.addWidget(widget)
    assert "No model yet" in widget.message.text() and widget.body.isHidden()
