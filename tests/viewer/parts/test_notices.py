"""What is said to the person can be read whole."""

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import WarningNotification, notification_manager

from napari_crbm.io import registry
from napari_crbm.viewer.parts.notices import (
    show_error,
    show_info,
    superseded,
    translate_warnings,
)

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
    qtbot.waitUntil(lambda: bool(shown.property("expanded")))
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


def test_a_new_message_closes_those_that_only_inform():
    shown = [("error", 1), ("info", 2), ("warning", 3), ("info", 4)]
    assert superseded(shown) == [2, 1], "two stay: the newest and the last that warns"
    assert superseded(shown[:1]) == []
    assert superseded([("info", 1), ("info", 2), ("info", 3)]) == [1, 2]


def test_notices_do_not_pile_up_over_the_canvas(note, qtbot):
    for text in ("Wrote a.", "Wrote b.", "Wrote c."):
        show_info(text)
    qtbot.waitUntil(lambda: note().message.text() == "Wrote c.", timeout=5_000)
    note().close()


def test_warnings_of_the_library_are_in_the_words_of_the_viewer(qtbot):
    translate_warnings()
    warned = UserWarning("1 Hz is assumed: give frame_rate_hz.")
    ours = WarningNotification(warned, filename=registry.__file__, lineno=1)
    theirs = WarningNotification(warned, filename="numpy/core.py", lineno=1)
    for each in (ours, theirs):
        notification_manager.dispatch(each)
    assert ours.message == "1 Hz is assumed: give 'Frame rate'."
    assert theirs.message == str(warned)
