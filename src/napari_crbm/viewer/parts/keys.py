"""Keys as the person's system writes them: Ctrl+Shift+L here, the Command symbol on macOS."""

from __future__ import annotations

from qtpy.QtGui import QKeySequence


def native_text(keys: str | QKeySequence | QKeySequence.StandardKey) -> str:
    """Return a key sequence as menus of this system show it.

    Parameters
    ----------
    keys : str, QKeySequence or QKeySequence.StandardKey
        A text in Qt's portable form, such as "Ctrl+Shift+L".
    """
    return str(QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText))


def modifier_text(name: str) -> str:
    """Return a modifier such as "Ctrl" as this system writes it before a key."""
    return native_text(f"{name}+A").removesuffix("A")
