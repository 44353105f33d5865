"""All docks open together."""

import pytest

from napari_crbm.viewer.docks.groups import EVERYTHING
from napari_crbm.viewer.docks.open import WIDGETS, dock_everything
from napari_crbm.viewer.home import home_of

pytestmark = pytest.mark.canvas


def test_all_widgets_dock_and_share_one_home(viewer):
    dock_everything(viewer)
    titles = [dock.windowTitle() for dock in viewer.window._qt_window.findChildren(_dock())]
    for name in WIDGETS:
        assert titles.count("Start" if name == EVERYTHING else name) == 1
    assert home_of(viewer) is home_of(viewer)


def _dock():
    from qtpy.QtWidgets import QDockWidget

    return QDockWidget
