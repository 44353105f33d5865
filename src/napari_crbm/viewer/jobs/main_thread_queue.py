"""Run work on the GUI thread in small pieces, so that the window stays responsive."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import QObject, QTimer


class Turns(QObject):
    """Advance generators by one ``yield`` in every second iteration of the event loop.

    Work that must happen on the GUI thread, such as adding layers, cannot run in a `Job`.
    Written as a generator, it lets the window draw and respond after every piece.

    Parameters
    ----------
    parent : QObject
        The owner of this object; its deletion ends the work.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._under_way: dict[str, Iterator[None]] = {}
        self._rested = False
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)

    def start(self, name: str, pieces: Iterator[None]) -> None:
        """Start in the next iteration; unfinished work of the same name is dropped."""
        self._under_way[name] = pieces
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether any work is unfinished."""
        return bool(self._under_way)

    def _step(self) -> None:
        # Each iteration draws changes before it calls timers. A piece in every iteration would
        # add to the time of drawing the previous one.
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
            # A piece may have started other work under the same name.
            if over and self._under_way.get(name) is pieces:
                del self._under_way[name]
            if not self._under_way:
                self._timer.stop()
