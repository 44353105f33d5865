"""What is drawn can be seen in the light theme and in the dark one, also after a change."""

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor

from napari_crbm.io import save_model
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget
from napari_crbm.viewer.docks.compare.widget import CompareWidget
from napari_crbm.viewer.docks.connectivity.widget import ConnectivityWidget
from napari_crbm.viewer.layers.compare import PAIR
from napari_crbm.viewer.layers.names import ASSEMBLY, CHOSEN_NEURON, GROUP
from tests.viewer.conftest import until


def lightness(colour) -> float:
    return float(np.mean(np.asarray(colour)[..., :3]))


def canvas(viewer) -> float:
    return lightness(get_theme(viewer.theme).canvas.as_rgb_tuple()) / 255


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_stand_out_from_the_canvas(viewer, shown_home, theme):
    workspace = shown_home.workspace
    weights = workspace.weights
    weights[:3, :2] = 1.0
    workspace.update_table(workspace.trained.by("weight", workspace.recording))
    workspace.choose_neuron(3)
    workspace.choose_neurons([4, 5])
    workspace.choose_assemblies((0, 1))
    viewer.theme = "dark" if theme == "light" else "light"
    viewer.theme = theme
    shared = viewer.layers[ASSEMBLY]
    several = shared.face_color[(shared.features["assemblies"] > 1).to_numpy()]
    assert len(several)
    for colours in (
        several,
        viewer.layers[CHOSEN_NEURON].face_color,
        viewer.layers[GROUP].face_color,
    ):
        assert abs(lightness(colours) - canvas(viewer)) > 0.4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_two_models_share_stands_out(viewer, shown_home, recording, qtbot, tmp_path, theme):
    widget = CompareWidget(viewer)
    qtbot.addWidget(widget)
    path = save_model(shown_home.workspace.trained.model, tmp_path / "same.h5", recording)
    widget.compare_with(path)
    until(qtbot, lambda: widget.found is not None)
    widget.arrangement.setCurrentIndex(1)
    until(qtbot, lambda: not shown_home.busy)
    viewer.theme = "dark" if theme == "light" else "light"
    viewer.theme = theme
    until(qtbot, lambda: not shown_home.busy)
    colours = viewer.layers[PAIR].face_color
    assert len(colours) and abs(lightness(colours) - canvas(viewer)) > 0.4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_links_follow(viewer, shown_home, qtbot, theme):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    shown_home.workspace.choose_assemblies((0, 1))
    shown_home.workspace.choose_neuron(3)
    viewer.theme = "dark" if theme == "light" else "light"
    viewer.theme = theme
    assert ("black" if theme == "light" else "white") in widget.title.text()
    colour = QColor(*get_theme(theme).text.as_rgb_tuple()[:3]).name()
    assert f'<a href="neuron" style="color: {colour}">' in widget.neuron_text.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chosen_connection_and_the_names_can_be_seen(viewer, shown_home, qtbot, theme):
    widget = ConnectivityWidget(viewer)
    qtbot.addWidget(widget)
    widget.start.click()
    until(qtbot, lambda: widget.mapped is not None)
    viewer.theme = "dark" if theme == "light" else "light"
    viewer.theme = theme
    text = QColor(*get_theme(theme).text.as_rgb_tuple()[:3])
    assert text in [edge.opts["pen"].color() for edge in widget.ring.edges]
    labels = [item for item in widget.ring.plot.items() if hasattr(item, "textItem")]
    assert all(len(label.toPlainText()) <= 17 for label in labels)
    assert labels and all(label.color == text for label in labels)


def test_boxes_to_tick_have_a_frame(viewer, shown_home, qtbot):
    widget = AnatomyWidget(viewer)
    qtbot.addWidget(widget)
    for theme in ("light", "dark"):
        viewer.theme = theme
        text = QColor(*get_theme(theme).text.as_rgb_tuple()[:3]).name()[1:]
        assert text in widget.tree.styleSheet()
