"""Names of controls for screen readers, taken from what the dock already says of them."""

from __future__ import annotations

import re

import pyqtgraph as pg
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSlider,
    QTabWidget,
    QWidget,
)

_CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QProgressBar,
    QTabWidget,
    pg.PlotWidget,
)
_TAGS = re.compile(r"<[^>]+>")
_LETTERS = re.compile(r"[^\W\d_]{2}")


def name_controls(dock: QWidget) -> None:
    """Give every control of a dock an accessible name and description, unless it has one.

    The name is the text of a button, else the label before the control, else its
    placeholder, else the first sentence of its tooltip. The description is the tooltip.
    """
    for control in dock.findChildren(QWidget):
        if not isinstance(control, _CONTROLS) or _is_inner_part(control):
            continue
        tip = plain(control.toolTip())
        if not control.accessibleDescription():
            control.setAccessibleDescription(tip)
        if not control.accessibleName():
            control.setAccessibleName(_name(control, tip))


def plain(text: str) -> str:
    """Return a tooltip or label without tags and line breaks."""
    return " ".join(_TAGS.sub("", text).split())


def _is_inner_part(control: QWidget) -> bool:
    """Whether Qt made the widget itself, such as the field inside a spin box."""
    return control.objectName().startswith("qt_") or isinstance(
        control.parent(), QComboBox | QAbstractSpinBox
    )


def _name(control: QWidget, tip: str) -> str:
    title = control.text() if isinstance(control, QAbstractButton) else ""
    if isinstance(control, QTabWidget):
        title = ", ".join(control.tabText(place) for place in range(control.count()))
    if isinstance(control, pg.PlotWidget):
        axes = [control.getAxis(side).labelText for side in ("left", "bottom")]
        title = "Plot of " + " over ".join(name for name in axes if name) if any(axes) else ""
    placeholder = control.placeholderText() if isinstance(control, QLineEdit) else ""
    found = (title, _label_before(control), placeholder, tip.split(". ")[0].rstrip("."))
    kind = "Progress" if isinstance(control, QProgressBar) else type(control).__name__
    return next((plain(text) for text in found if _LETTERS.search(text)), kind)


def _label_before(control: QWidget) -> str:
    """Return the text of the label that stands before a control in its layout, or nothing."""
    parent = control.parentWidget()
    labels = [] if parent is None else parent.findChildren(QLabel)
    for label in labels:
        if label.buddy() is control:
            return str(label.text())
    place = control.geometry()
    beside = [
        label
        for label in labels
        if label.parentWidget() is parent
        and label.geometry().right() <= place.left()
        and abs(label.geometry().center().y() - place.center().y()) < place.height() / 2
    ]
    nearest = max(beside, key=lambda label: label.geometry().right(), default=None)
    return "" if nearest is None or len(nearest.text()) > 60 else str(nearest.text())
