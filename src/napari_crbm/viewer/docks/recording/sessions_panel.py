"""Join further sessions of the same neurons to the open recording, and show one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QWidget

from napari_crbm.preprocessing.sessions import JOIN, join_sessions, split_sessions
from napari_crbm.recording import Recording
from napari_crbm.viewer.parts.saved_fields import ask_several
from napari_crbm.viewer.parts.style import button

_ALL = "All sessions"


class SessionsPanel(QWidget):
    """A button that joins sessions, and a choice of the session to show.

    Parameters
    ----------
    run : callable
        Runs work in the background; see `napari_crbm.viewer.home.Home.run`.
    show : callable
        Shows a recording instead of the open one.
    options : callable
        Returns the options with which files are read.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        show: Callable[[Recording], None],
        options: Callable[[], dict[str, Any]],
    ) -> None:
        super().__init__()
        self._run, self._show, self._options = run, show, options
        self._joined: Recording | None = None
        self._parts: tuple[Recording, ...] = ()
        self.join_button = button(
            "Join sessions...",
            "Add further recordings of the same neurons after the open one. Each begins a new\n"
            "segment. The files are not changed.",
            self._choose,
        )
        self.choice = QComboBox()
        self.choice.setAccessibleName("Session to show")
        self.choice.setToolTip("Show one of the joined sessions, or all of them.")
        self.choice.activated.connect(self._show_session)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.join_button)
        layout.addWidget(self.choice, 1)
        self.open(None)

    def open(self, recording: Recording | None) -> None:
        """Offer the sessions of a recording; None hides the panel."""
        self.setVisible(recording is not None)
        if recording is None:
            self._joined, self._parts = None, ()
        elif any(recording is part for part in self._parts):
            return
        else:
            self._joined = recording
            self._parts = split_sessions(recording) if _is_joined(recording) else ()
        self.choice.clear()
        self.choice.addItems([_ALL, *(part.name for part in self._parts)])
        self.choice.setVisible(bool(self._parts))

    def join(self, paths: list[Path]) -> None:
        """Read further sessions in the background, and show them joined to the open recording."""
        first, options = self._joined, self._options()
        if first is None or not paths:
            return

        def work(_report: Callable[[int, int], None]) -> Recording:
            from napari_crbm.io import open_recording

            return join_sessions([first, *(open_recording(path, **options) for path in paths)])

        self._run("Joining sessions", work, self._show)

    def _choose(self) -> None:
        self.join(
            ask_several(
                self,
                "Further sessions of the same neurons, in their order",
                "Recordings (*.h5 *.hdf5 *.npz *.mat *.npy *.nwb *.nc *.h5ad);;All files (*)",
            )
        )

    def _show_session(self, row: int) -> None:
        chosen = self._joined if row == 0 else self._parts[row - 1]
        if chosen is not None:
            self._show(chosen)


def _is_joined(recording: Recording) -> bool:
    return any(step.name == JOIN for step in recording.provenance)
