"""Open recordings and models dropped on the window without asking for a reader.

napari's built-in reader also accepts ``.csv``, ``.npz`` and folders, so napari would ask the
user to choose a reader on each drop. Files recognised as a recording or model are opened
directly, and the mapping dialog opens for tables and for folders of arrays; all other files,
and arrays that may be images, are left to napari.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt

from napari_crbm.errors import CRBMError, UnknownLayout
from napari_crbm.viewer.opening.suffixes import (
    holds_arrays,
    is_table,
    is_text_table,
    may_read,
)


class DropFilter(QObject):
    """Event filter for files dropped on a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    open_file : callable
        Opens a path in the background.
    parent : QObject
    """

    def __init__(self, viewer: Any, open_file: Callable[[Path], None], parent: QObject) -> None:
        super().__init__(parent)
        self._open_file = open_file
        # The widget that accepts drops has no public name.
        target = getattr(viewer.window, "_qt_viewer", None)
        if target is not None:
            target.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: Any) -> bool:  # noqa: N802
        """Open a single dropped file or folder if it is recognised."""
        if event.type() != QEvent.Type.Drop:
            return False
        # With Shift napari stacks the files, with Alt it asks for the reader.
        if event.modifiers() != Qt.KeyboardModifier.NoModifier:
            return False
        urls = event.mimeData().urls()
        if len(urls) != 1 or not urls[0].isLocalFile():
            return False
        path = Path(urls[0].toLocalFile())
        if not _is_ours(path):
            return False
        event.acceptProposedAction()
        self._open_file(path)
        return True


def _is_ours(path: Path) -> bool:
    from napari_crbm.io import read_kind

    if not may_read(path):
        try:
            return is_text_table(path)
        except OSError:
            return False
    try:
        kind = read_kind(path)
    except UnknownLayout:
        return is_table(path) or holds_arrays(path)
    except (CRBMError, OSError):
        return False
    return kind == "model" or kind.endswith("recording")
