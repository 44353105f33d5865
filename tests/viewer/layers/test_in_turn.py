"""What a dock draws gives way to what is asked in another dock."""

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_crbm.viewer.layers.in_turn import LayersInTurn
from tests.viewer.conftest import until

OURS, ANOTHER = "Connections", "Neurons"


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    for name in ("Connectivity", "Assemblies"):
        dock = QDockWidget(name, window)
        dock.setWidget(QWidget())
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    return window


@pytest.fixture
def docks(window):
    docks = window.findChildren(QDockWidget)
    window.tabifyDockWidget(*docks)
    return docks


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    for name in (ANOTHER, OURS, "Region centres"):
        viewer.add_points([[0, 0, 0]], name=name)
    viewer.layers["Region centres"].visible = False
    return viewer


@pytest.fixture
def front(window, docks, viewer, qtbot):
    made = LayersInTurn(docks[0].widget(), viewer, (OURS, "Region centres", "not there"))
    window.show()
    docks[0].raise_()
    until(qtbot, lambda: not docks[0].widget().visibleRegion().isEmpty())
    return made


def behind(dock):
    return lambda: dock.widget().visibleRegion().isEmpty()


def test_layers_give_way_to_a_choice_in_another_dock_and_come_back(front, docks, viewer, qtbot):
    front.give_way()
    assert viewer.layers[OURS].visible
    docks[1].raise_()
    until(qtbot, behind(docks[0]))
    # Nothing else is asked yet: the canvas can be exported with them.
    assert viewer.layers[OURS].visible
    front.give_way()
    assert not viewer.layers[OURS].visible and viewer.layers[ANOTHER].visible
    docks[0].raise_()
    until(qtbot, lambda: viewer.layers[OURS].visible)
    # What the person had hidden stays hidden.
    assert not viewer.layers["Region centres"].visible


def test_layers_that_were_removed_do_not_come_back(front, docks, viewer, qtbot):
    docks[1].raise_()
    until(qtbot, behind(docks[0]))
    front.give_way()
    viewer.layers.remove(viewer.layers[OURS])
    docks[0].raise_()
    until(qtbot, lambda: not behind(docks[0])())
    assert OURS not in viewer.layers
