"""The legend of the canvas: what it says, where it is drawn, how it is switched."""

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QWidget

from napari_crbm.palette import PALETTES, hex_to_rgb, weight_limit
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.layers import pictures
from napari_crbm.viewer.layers.colour_kinds import KINDS
from napari_crbm.viewer.layers.legend import ink_on, legend_lines, legend_size
from napari_crbm.viewer.layers.names import ASSEMBLY
from napari_crbm.viewer.layers.pictures import draw_legend


def texts(workspace, **how):
    return [line.text for line in legend_lines(workspace, **how)]


def test_one_assembly_has_its_size_its_region_and_the_scale_of_its_weights(trained_home):
    workspace = trained_home.workspace
    workspace.choose_assembly(1)
    title, region, bar = legend_lines(workspace)
    inside = workspace.shown_members(1)
    assert title.text == f"Assembly 1: {len(inside):,} neurons" and title.symbol == "title"
    row = workspace.trained.table.loc[1]
    assert region.text == row["regions"].split("; ")[0]
    limit = weight_limit(workspace.weights[inside, 1])
    assert (bar.low, bar.high) == (f"−{limit:.2g}", f"+{limit:.2g}")
    expected = workspace.palette.weights(np.array([-limit, limit]), limit)
    np.testing.assert_allclose(bar.ramp[[0, -1]], expected)


def test_several_assemblies_have_their_colours_and_what_rings_mean(trained_home, simulation):
    workspace = trained_home.workspace
    workspace.choose_assemblies([2, 0])
    lines = legend_lines(workspace)
    assert lines[0].text == "2 assemblies"
    assert [line.colour for line in lines[1:3]] == [workspace.palette.assembly(k) for k in (0, 1)]
    assert lines[1].text.startswith("Assembly 2: ")
    members = [workspace.shown_members(k) for k in (2, 0)]
    both = len(np.intersect1d(*members))
    negative = any(
        (workspace.weights[m, k] < 0).any() for m, k in zip(members, (2, 0), strict=True)
    )
    said = texts(workspace)
    assert (f"{both:,} neurons in several" in said) == bool(both)
    assert ("negative weight" in said) == negative


def test_colours_by_a_quantity_have_their_bar_and_regions_their_names(trained_home):
    workspace = trained_home.workspace
    workspace.choose_assembly(None)
    assert texts(workspace) == [f"{workspace.recording.name}: 400 neurons"]
    colouring = KINDS["activity"][1](workspace)
    workspace.show_colouring(colouring)
    title, bar = legend_lines(workspace)
    assert title.text == "Active frames (%)"
    assert (bar.low, bar.high) == (colouring.low, colouring.high)
    workspace.show_colouring(KINDS["region"][1](workspace))
    title, *regions = legend_lines(workspace)
    assert len(regions) == 9 and regions[-1].text.endswith("more regions")
    view = workspace.region_view
    largest = view.regions.names[int(np.argmax(view.regions.counts))]
    assert largest.startswith(regions[0].text)
    workspace.show_colouring(None)
    view.tick([int(np.argmax(view.regions.counts))])
    assert texts(workspace)[1:] == [largest], "one side alone is named with its side"
    view.tick(list(range(len(view.ticked))), False)


def test_what_is_hidden_is_not_explained(trained_home):
    workspace = trained_home.workspace
    workspace.choose_assembly(0)
    workspace.choose_neuron(7)
    workspace.choose_neurons([1, 2, 3])
    workspace.choose_frame(10)
    now = workspace.recording.times[10] - workspace.recording.times[0]
    said = texts(workspace)
    assert said[-3:] == ["neuron 7", "3 chosen neurons", f"active at {now:.1f} s"]
    assert texts(workspace, visible=lambda name: False)[-1] == f"{now:.1f} s"
    assert not any("Assembly" in text for text in texts(workspace, visible=lambda _: False))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_legend_of_a_picture_has_its_colours_and_contrasts(trained_home, theme):
    workspace = trained_home.workspace
    workspace.set_palette(PALETTES[theme])
    workspace.choose_assemblies([0, 1, 2])
    lines = legend_lines(workspace)
    empty = 255 if theme == "light" else 0
    blank = np.full((300, 400, 4), empty, np.uint8)
    for scale in (1.0, 2.0):
        drawn = draw_legend(blank, lines, scale, ink_on(workspace.palette))[..., :3]
        written = np.argwhere((drawn != empty).any(axis=2))
        size = legend_size(lines)
        assert written.min() >= 16 * scale - 2
        assert (written.max(axis=0) < scale * np.array([size.height(), size.width()])).all()
        for place in range(3):
            colour = 255 * hex_to_rgb([workspace.palette.assembly(place)])[0]
            assert (np.abs(drawn - colour).max(axis=2) < 8).any()
        assert (np.abs(drawn.astype(int) - (255 - empty)).max(axis=2) < 40).any(), "the text"


def overlay(home):
    (found,) = home.viewer.window._qt_window.findChildren(QWidget, "crbm legend")
    return found


def test_the_canvas_follows_what_is_shown_and_the_switch(viewer, trained_home, qtbot):
    home, workspace = trained_home, trained_home.workspace
    dock = AnatomyWidget(viewer)
    qtbot.addWidget(dock)
    box = dock.canvas.legend
    workspace.choose_assembly(0)
    qtbot.waitUntil(lambda: overlay(home).accessibleName().startswith("Assembly 0"))
    viewer.layers[ASSEMBLY].visible = False
    qtbot.waitUntil(lambda: "Assembly" not in overlay(home).accessibleName())
    viewer.layers[ASSEMBLY].visible = True
    qtbot.waitUntil(lambda: "Assembly" in overlay(home).accessibleName())
    assert box.isChecked() and not overlay(home).isHidden()
    box.setChecked(False)
    assert overlay(home).isHidden() and not home.legend.shown and not home.legend.lines
    home.legend.switch(True)
    assert box.isChecked() and not overlay(home).isHidden()


def test_the_scale_bar_is_switched_in_either_place(viewer, trained_home, qtbot):
    dock = AnatomyWidget(viewer)
    qtbot.addWidget(dock)
    box, bar = dock.canvas.scale_bar, viewer.canvas.overlays.scale_bar
    assert box.isChecked() == bar.visible
    box.setChecked(not bar.visible)
    assert bar.visible == box.isChecked()
    bar.visible = not bar.visible
    assert bar.visible == box.isChecked()
    QApplication.processEvents()


def test_the_legend_of_a_picture_grows_with_the_pixels_of_the_screen(monkeypatch):
    """Twice as many pixels per point of the screen give a legend of twice as many."""
    scales = []
    for name in ("lines_of", "workspace_of", "palette_of", "ink_on"):
        monkeypatch.setattr(pictures, name, lambda *_: None)
    monkeypatch.setattr(pictures, "draw_legend", lambda _p, _l, scale, _i: scales.append(scale))
    monkeypatch.setattr(pictures, "draw_marks", lambda _p, _v, scale, _i: scales.append(scale))
    for ratio in (1.0, 2.0):
        part = SimpleNamespace
        viewer = part(
            window=part(_qt_window=part(devicePixelRatio=lambda ratio=ratio: ratio)),
            canvas=part(overlays=part(scale_bar=part(font_size=10))),
            scene=part(camera=part(zoom=1.0)),
            screenshot=lambda **_: np.zeros((4, 4, 4), np.uint8),
        )
        pictures.canvas_picture(viewer, scale=1.5)
    assert scales == [1.5, 1.5, 3.0, 3.0]
