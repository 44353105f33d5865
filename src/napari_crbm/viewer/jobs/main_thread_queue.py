"""Work of the GUI thread in small pieces: between two the event loop has a turn for itself."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import QObject, QTimer


class Turns(QObject):
    """Do what generators do, up to the next ``yield`` in every other turn of the event loop.

    What must happen in the GUI thread, such as making layers, cannot go to a `Job`. Written
    as a generator it leaves the window free to draw and to answer after every piece.

    Parameters
    ----------
    parent : QObject
        Whose life bounds the work.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._under_way: dict[str, Iterator[None]] = {}
        self._rested = False
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)

    def start(self, name: str, pieces: Iterator[None]) -> None:
        """Begin in the next turn; what is left of earlier work of this name is given up."""
        self._under_way[name] = pieces
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self._under_way)

    def _step(self) -> None:
        # A turn draws what has changed before it calls timers: a piece in every turn would
        # come on top of drawing the one before.
        self._rested = not self._rested
        if self._rested:
            return
        name, pieces = next(iter(self._under_way.items()))
        over = True
        try:
            next(pieces)
            over = False
        except StopIteration:
            pass
        finally:
            # A piece may have started other work in its own place.
            if over and self._under_way.get(name) is pieces:
                del self._under_way[name]
            if not self._under_way:
                self._timer.stop()
