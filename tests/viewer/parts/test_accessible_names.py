"""Every control of every dock has a name for screen readers."""

import re

from qtpy.QtWidgets import QSlider, QWidget

from napari_crbm.viewer.docks.groups import GroupBar
from napari_crbm.viewer.docks.open import SINGLE, WIDGETS, dock_everything, raise_dock
from napari_crbm.viewer.parts.accessible_names import _CONTROLS, _is_inner_part, name_controls
from tests.viewer.conftest import until


def test_controls_of_all_docks_have_names(make_napari_viewer, recording, planted_model, qtbot):
    from napari_crbm.viewer.home import home_of

    viewer = make_napari_viewer(show=True)
    docks = dict(zip(WIDGETS, dock_everything(viewer), strict=True))
    home = home_of(viewer)
    bar = viewer.window._qt_window.findChild(GroupBar)
    home.show(recording, planted_model)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    docks.update((name, raise_dock(viewer, name)) for name in SINGLE)
    for title, dock in docks.items():
        raise_dock(viewer, title)
        qtbot.wait(50)
        for control in (*dock.widget().findChildren(QWidget), *bar.buttons):
            if isinstance(control, _CONTROLS) and not _is_inner_part(control):
                # Qt takes the text of a button that has no name.
                name = control.accessibleName() or control.text()
                assert re.search(r"[^\W\d_]{2}", name), (title, type(control), control.toolTip())


def test_names_come_from_the_tooltip_when_a_control_says_nothing_itself(qtbot):
    dock = QWidget()
    qtbot.addWidget(dock)
    slider = QSlider(dock)
    slider.setToolTip("The frame that is shown.\nDrag to play.")
    mine = QSlider(dock)
    mine.setAccessibleName("Opacity")
    name_controls(dock)
    assert slider.accessibleName() == "The frame that is shown"
    assert slider.accessibleDescription() == "The frame that is shown. Drag to play."
    assert mine.accessibleName() == "Opacity"
