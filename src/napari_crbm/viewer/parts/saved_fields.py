"""Settings that come back the next time: fields of the docks, folders of dialogs."""

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
    """Where settings are kept: one small file of this user."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-crbm", "viewer")


def recall(name: str) -> str | None:
    """Return the value kept under a name, or None."""
    value = settings().value(name)
    return None if value is None else str(value)


def store(name: str, value: str) -> None:
    """Keep a value under a name."""
    settings().setValue(name, value)


def save_field(name: str, control: Any) -> None:
    """Give a control its value of last time, now, and keep every later change.

    Parameters
    ----------
    name : str
        Under which the value is kept, such as "train/recipe".
    control : QComboBox, QCheckBox, QSpinBox, QDoubleSpinBox or QLineEdit
        A value that it does not have any more is left out.
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
    """Let the person choose a file to read, starting where one was chosen last."""
    return _with_folder_saved(QFileDialog.getOpenFileName(parent, title, last_folder(), kinds)[0])


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """Let the person choose a folder to read."""
    return _with_folder_saved(QFileDialog.getExistingDirectory(parent, title, last_folder()))


def ask_save(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    """Let the person choose a file to write; ``name`` is proposed."""
    proposed = str(Path(last_folder()) / name)
    return _with_folder_saved(QFileDialog.getSaveFileName(parent, title, proposed, kinds)[0])


def last_folder() -> str:
    """Folder in which a file was last chosen; empty at first."""
    folder = str(settings().value(_FOLDER) or "")
    return folder if folder and Path(folder).is_dir() else ""


def _with_folder_saved(chosen: str) -> Path | None:
    if not chosen:
        return None
    path = Path(chosen)
    settings().setValue(_FOLDER, str(path if path.is_dir() else path.parent))
    return path
