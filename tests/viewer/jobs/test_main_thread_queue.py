"""Work in pieces, between which the event loop has a turn for itself."""

from itertools import pairwise

import pytest
from qtpy.QtCore import QObject, QTimer

from napari_crbm.viewer.jobs.main_thread_queue import Turns


@pytest.fixture
def turns(qapp):
    parent = QObject()
    yield Turns(parent)
    parent.deleteLater()


def counting(seen, name, n=3):
    for k in range(n):
        seen.append(f"{name}{k}")
        yield


def test_the_event_loop_lives_between_two_pieces(turns, qtbot):
    seen = []
    timer = QTimer()
    timer.setInterval(0)
    timer.timeout.connect(lambda: seen.append("loop"))
    timer.start()
    turns.start("work", counting(seen, "a"))
    assert turns.busy and not seen, "nothing is done at once"
    qtbot.waitUntil(lambda: not turns.busy)
    timer.stop()
    places = [seen.index(f"a{k}") for k in range(3)]
    assert all(seen[a:b].count("loop") >= 2 for a, b in pairwise(places))


def test_newer_work_of_the_same_name_takes_the_place_of_older(turns, qtbot):
    seen = []

    def begins_anew():
        seen.append("first")
        turns.start("work", counting(seen, "b", 1))
        yield
        seen.append("never")

    turns.start("work", begins_anew())
    turns.start("other", counting(seen, "o", 1))
    qtbot.waitUntil(lambda: not turns.busy)
    assert seen == ["first", "b0", "o0"]


def test_a_piece_that_fails_ends_its_work_alone(turns, qtbot):
    seen = []

    def fails():
        raise ValueError("this piece")
        yield

    turns.start("bad", fails())
    turns.start("good", counting(seen, "g"))
    with qtbot.captureExceptions() as caught:
        qtbot.waitUntil(lambda: not turns.busy)
    assert str(caught[0][1]) == "this piece" and seen == ["g0", "g1", "g2"]
