"""Values of fields and folders of file dialogs, saved between sessions of napari."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSettings
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
    QWidget,
)

_FOLDER = "folder"


def settings() -> QSettings:
    """Return the settings file of the user."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-crbm", "viewer")


def recall(name: str) -> str | None:
    """Return the value kept under a name, or None."""
    value = settings().value(name)
    return None if value is None else str(value)


def store(name: str, value: str) -> None:
    """Keep a value under a name."""
    settings().setValue(name, value)


def save_field(name: str, control: Any) -> None:
    """Restore the saved value of a field, and save every later change.

    Parameters
    ----------
    name : str
        Key of the value, such as "train/recipe".
    control : QComboBox, QCheckBox, QSpinBox, QDoubleSpinBox or QLineEdit
        A saved value that the field no longer offers is ignored.
    """
    value = recall(name)
    if value is not None:
        _put(control, value)
    changed = {
        QComboBox: "currentTextChanged",
        QCheckBox: "toggled",
        QLineEdit: "textChanged",
    }
    signal = next((s for kind, s in changed.items() if isinstance(control, kind)), "valueChanged")
    getattr(control, signal).connect(lambda new: store(name, str(new)))


def _put(control: Any, value: str) -> None:
    if isinstance(control, QComboBox):
        row = control.findText(value)
        if row >= 0:
            control.setCurrentIndex(row)
    elif isinstance(control, QCheckBox):
        control.setChecked(value == "True")
    elif isinstance(control, QLineEdit):
        control.setText(value)
    elif isinstance(control, QSpinBox | QDoubleSpinBox):
        try:
            number = float(value)
        except ValueError:
            return
        control.setValue(int(number) if isinstance(control, QSpinBox) else number)


def ask_open(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Ask for a file to read, starting in the folder used last; None if cancelled."""
    return _with_folder_saved(QFileDialog.getOpenFileName(parent, title, last_folder(), kinds)[0])


def ask_several(parent: QWidget, title: str, kinds: str) -> list[Path]:
    """Ask for files to read; an empty list if cancelled."""
    chosen = QFileDialog.getOpenFileNames(parent, title, last_folder(), kinds)[0]
    return [path for each in chosen if (path := _with_folder_saved(each)) is not None]


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """Ask for a folder to read; None if cancelled."""
    return _with_folder_saved(QFileDialog.getExistingDirectory(parent, title, last_folder()))


def ask_save(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    """Ask for a file to write, with a proposed name; None if cancelled."""
    proposed = str(Path(last_folder()) / name)
    return _with_folder_saved(QFileDialog.getSaveFileName(parent, title, proposed, kinds)[0])


def last_folder() -> str:
    """Return the folder used last; empty if none was or it no longer exists."""
    folder = str(settings().value(_FOLDER) or "")
    return folder if folder and Path(folder).is_dir() else ""


def _with_folder_saved(chosen: str) -> Path | None:
    if not chosen:
        return None
    path = Path(chosen)
    settings().setValue(_FOLDER, str(path if path.is_dir() else path.parent))
    return path
