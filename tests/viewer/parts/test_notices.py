"""What is said to the person can be read whole."""

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification

from napari_crbm.viewer.parts.notices import show_error, show_info

LONG = (
    "The model was trained on 2,000 neurons, the open recording has 500. Open the recording the "
    "model was trained on first."
)


@pytest.fixture
def note(make_napari_viewer, monkeypatch):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1000, 700)
    # The tests' viewers say nothing by themselves.
    monkeypatch.setattr("napari.utils.notifications.show_error", lambda text: made(text, "error"))
    monkeypatch.setattr("napari.utils.notifications.show_info", lambda text: made(text, "info"))
    canvas = viewer.window._qt_viewer.canvas.native

    def made(text, severity):
        NapariQtNotification(text, severity, parent=canvas).show()

    return lambda: canvas.findChild(NapariQtNotification)


def test_a_long_sentence_is_unfolded_and_stays_until_it_is_read(note, qtbot):
    show_error(LONG)
    shown = note()
    qtbot.waitUntil(lambda: bool(shown.property("expanded")), timeout=5_000)
    qtbot.wait(200)
    assert shown.height() >= shown.message.heightForWidth(shown.message.width())
    assert shown.timer.interval() > 8_000
    shown.close()


def test_a_short_one_is_left_as_it_is(note, qtbot):
    show_info("Copied.")
    shown = note()
    qtbot.wait(700)
    assert not shown.property("expanded")
    assert shown.timer.interval() == NapariQtNotification.DISMISS_AFTER
    shown.close()
