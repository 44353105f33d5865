"""Gallery of assemblies: small brains seen from above; a click selects one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractItemModel, QModelIndex, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate
from scipy.ndimage import gaussian_filter

from napari_crbm.model import Members
from napari_crbm.palette import BLUE, DARK, Palette, weight_limit

_LONGEST_PX = 132
_NUMBER_PX = 16
_MARGIN_PX = 5
# Drawn at twice the size, so that it is sharp on high-resolution screens.
_SCALE = 2
_BRAIN = (0.62, 0.64, 0.66, 0.35)
_MOST_CACHED = 1000


class Thumbnails:
    """Pictures of assemblies, drawn when they are first shown.

    Parameters
    ----------
    coordinates_um : (N, 3) float32
        Axes z, y, x.
    weights : (N, M) float32
    members : Members
    palette : Palette
    """

    def __init__(
        self,
        coordinates_um: NDArray[np.float32],
        weights: NDArray[np.float32],
        members: Members,
        palette: Palette = DARK,
    ) -> None:
        low, high = np.quantile(coordinates_um[:, 1:], [0.001, 0.999], axis=0)
        extent = np.maximum(high - low, 1.0)
        self._um_per_px = float(extent.max()) / (_SCALE * _LONGEST_PX)
        self.shape = tuple(int(n) for n in np.ceil(extent / self._um_per_px) + 1)
        place = ((coordinates_um[:, 1:] - low) / self._um_per_px).round().astype(int)
        self._place = np.clip(place, 0, np.array(self.shape) - 1)
        self._weights, self._members = weights, members
        self._palette = palette
        self._pixmaps: dict[int, QPixmap] = {}
        spacing_px = np.sqrt(np.prod(self.shape) / len(coordinates_um))
        self._dot = int(np.clip(round(1.5 * spacing_px), 2, 7))
        self._brain = self._silhouette(max(2.0, float(spacing_px)))

    def _silhouette(self, blur: float) -> NDArray[np.float32]:
        counts = np.zeros(self.shape)
        np.add.at(counts, tuple(self._place.T), 1.0)
        density = gaussian_filter(counts, blur)
        inside = density > 0.2 * np.median(density[tuple(self._place.T)])
        picture = np.zeros((*self.shape, 4), dtype=np.float32)
        picture[inside] = _BRAIN
        return picture

    @property
    def size(self) -> QSize:
        """Size on the screen."""
        return QSize(self.shape[1] // _SCALE, self.shape[0] // _SCALE)

    def use(self, palette: Palette) -> None:
        """Draw in the colours of another palette from now on."""
        self._palette = palette
        self._pixmaps.clear()

    def picture(self, assembly: int) -> NDArray[np.float32]:
        """Return an RGBA picture (height, width, 4) of an assembly, coloured by weight."""
        picture = self._brain.copy()
        column = self._weights[:, assembly]
        inside = self._members.of(assembly)
        # The strongest members last, on top.
        inside = inside[np.argsort(np.abs(column[inside]), kind="stable")]
        colours = self._palette.weights(column[inside], weight_limit(column[inside]))
        rows, columns = self._place[inside].T
        for dy in range(self._dot):
            for dx in range(self._dot):
                y = np.clip(rows + dy - self._dot // 2, 0, self.shape[0] - 1)
                x = np.clip(columns + dx - self._dot // 2, 0, self.shape[1] - 1)
                picture[y, x] = colours
        return picture

    def pixmap(self, assembly: int) -> QPixmap:
        """Return the picture as a cached pixmap."""
        if assembly not in self._pixmaps:
            pixels = np.ascontiguousarray((255 * self.picture(assembly)).astype(np.uint8))
            height, width = self.shape
            form = QImage.Format.Format_RGBA8888
            image = QImage(pixels.data, width, height, 4 * width, form).copy()
            pixmap = QPixmap.fromImage(image)
            pixmap.setDevicePixelRatio(_SCALE)
            if len(self._pixmaps) >= _MOST_CACHED:
                self._pixmaps.clear()
            self._pixmaps[assembly] = pixmap
        return self._pixmaps[assembly]


class _Delegate(QStyledItemDelegate):
    """Draw one assembly: number above, brain below, a frame if it is selected."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__(gallery)
        self._gallery = gallery

    def sizeHint(self, _option: Any, _index: QModelIndex) -> QSize:  # noqa: N802
        return self._gallery.cell

    def paint(self, painter: QPainter, option: Any, index: QModelIndex) -> None:
        thumbnails = self._gallery.thumbnails
        if thumbnails is None:
            return
        assembly = int(index.siblingAtColumn(0).data())
        area = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(BLUE), 2))
            fill = QColor(BLUE)
            fill.setAlpha(40)
            painter.setBrush(fill)
            painter.drawRoundedRect(area.adjusted(2, 2, -2, -2), 4, 4)
        painter.setPen(option.palette.text().color())
        text = QRectF(area.left(), area.top() + 3, area.width(), _NUMBER_PX)
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, str(assembly))
        left = area.left() + (area.width() - thumbnails.size.width()) / 2
        painter.drawPixmap(
            round(left), round(area.top()) + _NUMBER_PX + 4, thumbnails.pixmap(assembly)
        )
        painter.restore()


class Gallery(QListView):
    """Pictures in the order of the rows of a table, with which it shares its model.

    Parameters
    ----------
    model : QAbstractItemModel
        Its first column holds the number of the assembly.
    """

    def __init__(self, model: QAbstractItemModel) -> None:
        super().__init__()
        self.thumbnails: Thumbnails | None = None
        self.cell = QSize(80, 150)
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setToolTip(
            "All assemblies from above, anterior up, in the order of the table. Orange: positive "
            "weights; blue: negative weights.\nClick one, or use the arrow keys. Click with Ctrl "
            "or Shift to select several."
        )

    def show_assemblies(self, thumbnails: Thumbnails | None) -> None:
        """Replace the pictures; None shows none."""
        self.thumbnails = thumbnails
        if thumbnails is not None:
            width = thumbnails.size.width() + 2 * _MARGIN_PX
            height = thumbnails.size.height() + _NUMBER_PX + 2 * _MARGIN_PX
            self.cell = QSize(max(width, 34), height)
        self.setGridSize(self.cell)
        self.viewport().update()
