"""Labels, buttons, plots, colour bars and pages that all docks share, in both themes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QEvent, QObject, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPixmap, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.palette import Palette
from napari_crbm.viewer.parts.accessible_names import name_controls
from napari_crbm.viewer.parts.plot_export import offer_export
from napari_crbm.viewer.parts.widget_lifetime import DeleteOnClose

if TYPE_CHECKING:
    from napari_crbm.viewer.state.colouring import Colouring

_SCALE_PX = 90
# Smallest usable height of a dock.
_LEAST_HEIGHT_PX = 240


def text_label(text: str = "", *, wrap: bool = True) -> QLabel:
    """Return a label that wraps and whose text can be copied."""
    label = QLabel(text)
    label.setWordWrap(wrap)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def button(text: str, tip: str, on_click: Any) -> QPushButton:
    """Return a button with a tooltip that says what it does."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda: on_click())
    return made


def plot(
    viewer: Any, x_label: str, y_label: str, x_unit: str = "", height: int = 130
) -> pg.PlotWidget:
    """Return a plot with labelled axes that follows the viewer's theme.

    A right-click saves it.
    """
    # Menus that nobody sees take a third of the time to make a plot.
    widget = pg.PlotWidget(enableMenu=False)
    offer_export(widget)
    widget.setMinimumHeight(height)
    widget.hideButtons()
    widget.showGrid(x=False, y=True, alpha=0.15)
    widget.setLabel("bottom", x_label, units=x_unit or None)
    widget.setLabel("left", y_label)
    for side in ("bottom", "left"):
        widget.getAxis(side).enableAutoSIPrefix(False)

    def colour_axes(theme: Any) -> None:
        widget.setBackground(QColor(*theme.background.as_rgb_tuple()[:3]))
        for side in ("bottom", "left"):
            axis = widget.getAxis(side)
            colour = _text_colour(theme)
            axis.setPen(pg.mkPen(colour))
            axis.setTextPen(pg.mkPen(colour))

    follow_theme(widget, viewer, colour_axes)
    return widget


def follow_theme(widget: QWidget, viewer: Any, act: Callable[[Any], None]) -> None:
    """Call ``act(theme)`` now and whenever the viewer's theme changes, while a widget exists."""

    def follow(_event: object = None) -> None:
        act(get_theme(viewer.theme))

    follow()
    # When the window is closed, the viewer may be deleted before its widgets.
    changed = viewer.events.theme
    changed.connect(follow)
    widget.destroyed.connect(lambda: changed.disconnect(follow))


def _text_colour(theme: Any) -> QColor:
    return QColor(*theme.text.as_rgb_tuple()[:3])


def link(target: object, text: object, viewer: Any) -> str:
    """Return a link in the colour of the text: Qt's blue has little contrast in dark themes."""
    colour = _text_colour(get_theme(viewer.theme)).name()
    return f'<a href="{target}" style="color: {colour}">{text}</a>'


def visible_ticks(view: QAbstractItemView, viewer: Any) -> None:
    """Draw a frame around unticked boxes of a list or tree; Qt's own is hardly visible."""
    kind = "QTreeView" if view.inherits("QTreeView") else "QListView"

    def frame(theme: Any) -> None:
        grey = _text_colour(theme)
        grey.setAlpha(150)
        line = f"1px solid {grey.name(QColor.NameFormat.HexArgb)}"
        view.setStyleSheet(f"{kind}::indicator:unchecked {{ border: {line}; border-radius: 2px; }}")

    follow_theme(view, viewer, frame)


def scrolling(inside: QWidget, sideways: bool = True) -> QScrollArea:
    """Return a scroll area around a widget; not ``sideways``: it scrolls vertically only."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    if not sideways:
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


class _Page(QScrollArea):
    """Scroll area whose content fills the view and scrolls only below its minimum height.

    Qt's resizable scroll area scrolls as soon as wrapped texts do not have their preferred
    height.
    """

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(_LEAST_HEIGHT_PX)
        self.setWidget(inside)
        # The dock behind must be painted too; see `WhenVisible`.
        for part in (self.viewport(), inside):
            part.setAutoFillBackground(False)
        inside.installEventFilter(self)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the preferred size of the content."""
        return self.widget().sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Resize the content with the view."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Lay out what changed while the dock was behind another tab."""
        super().showEvent(event)
        self._fit()
        # Names may come from labels beside the controls, so the layout must be known.
        name_controls(self.widget())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Fit the height when parts of the content appear, disappear or change."""
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self._fit()
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        view, inside = self.viewport().size(), self.widget()
        layout = inside.layout()
        wraps = layout.hasHeightForWidth()
        needed = (
            layout.minimumHeightForWidth(view.width()) if wraps else layout.minimumSize().height()
        )
        inside.resize(view.width(), max(view.height(), needed))


def page(dock: QWidget, leave: Callable[[], None] | None = None) -> QVBoxLayout:
    """Return the layout for the content of a dock; it scrolls on small screens.

    When the dock is closed, ``leave`` is called and its content deleted; see `DeleteOnClose`.
    """
    inside = QWidget()
    layout = QVBoxLayout(inside)
    outer = QVBoxLayout(dock)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(_Page(inside))
    DeleteOnClose(dock, leave)
    return layout


def count_box(low: int, high: int, value: int, tip: str, step: int = 1) -> QSpinBox:
    """Return a field for a whole number."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSingleStep(step)
    box.setGroupSeparatorShown(True)
    box.setToolTip(tip)
    return box


def _ramp_image(ramp: NDArray[np.floating]) -> QImage:
    """Return an image of a bar of colours (K, 4)."""
    pixels = np.ascontiguousarray(np.tile((255 * ramp).astype(np.uint8), (10, 1, 1)))
    image = QImage(pixels.data, len(ramp), 10, 4 * len(ramp), QImage.Format.Format_RGBA8888)
    # A copy: the image must not refer to an array that will be deleted.
    return image.scaled(_SCALE_PX, 10).copy()


def _ramp_png(ramp: NDArray[np.floating]) -> str:
    """Return a bar of colours (K, 4) as base64 text for an image in a label."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    _ramp_image(ramp).save(buffer, "PNG")
    return base64.b64encode(bytes(buffer.data())).decode()


class ColourBar(QLabel):
    """Colour bar of the quantity by which neurons are coloured."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)

    def show_colouring(self, colouring: Colouring | None) -> None:
        """Write title and ends of the bar; nothing for plain grey neurons."""
        self.setVisible(colouring is not None)
        if colouring is None:
            self.setText("")
            return
        bar = ""
        if colouring.ramp is not None:
            png = _ramp_png(colouring.ramp)
            bar = f': {colouring.low} <img src="data:image/png;base64,{png}"> {colouring.high}'
        self.setText(f"{colouring.title}{bar}")


class SignedScale(QWidget):
    """Colour bar of signed values, with the values of its ends.

    Parameters
    ----------
    palette : Palette
        See `show_palette` for another one.
    low, high : str
        Values of the ends.
    """

    def __init__(self, palette: Palette, low: str = "", high: str = "") -> None:
        super().__init__()
        self.low, bar, self.high = QLabel(low), QLabel(), QLabel(high)
        self._bar = bar
        self.show_palette(palette)
        # In narrow docks the bar shrinks and the labels do not.
        bar.setScaledContents(True)
        bar.setMinimumWidth(_SCALE_PX // 3)
        bar.setMaximumSize(_SCALE_PX, 10)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (self.low, bar, self.high):
            row.addWidget(label)

    def show_palette(self, palette: Palette) -> None:
        """Draw the colours of another palette."""
        colours = palette.weights(np.linspace(-1, 1, _SCALE_PX), 1.0)
        self._bar.setPixmap(QPixmap.fromImage(_ramp_image(colours)))

    def show_ends(self, low: str, high: str) -> None:
        """Write the values of the ends."""
        self.low.setText(low)
        self.high.setText(high)
