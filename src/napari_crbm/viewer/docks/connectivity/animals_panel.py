"""Animals tab: region maps of several animals, their similarity, mean and anatomy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.palette import BLUE
from napari_crbm.viewer.docks.connectivity.matrix_view import MatrixView
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.style import button, plot, text_label

if TYPE_CHECKING:
    from napari_crbm.connectome import Animal, Comparison, RegionMap
    from napari_crbm.connectome.study import Study
    from napari_crbm.viewer.home import Home

_EMPTY = (
    "Open a project to compare animals. A project is a file with the region maps of several "
    "recordings and models. To make one, compute a map and press Add this map, or use "
    "'napari-crbm connectivity --project'."
)
_ALONE = "The project holds one animal. Add others to compare them."
Prepare = Callable[[Callable[[int, int], None]], dict[str, Any]]
_MAP_ROLE = Qt.ItemDataRole.UserRole


class AnimalsPanel(QWidget):
    """Project of several animals; emits ``chosen(first, second)`` when a cell is clicked.

    Parameters
    ----------
    home : Home
    current : callable
        Returns a function that prepares the dock's map in the background: it takes a report of
        progress and returns the arguments of `connectome.add_to_project`. None without a map.
    """

    chosen = Signal(str, str)

    def __init__(self, home: Home, current: Callable[[], Prepare | None]) -> None:
        super().__init__()
        self.home, self.current = home, current
        self.path: Path | None = None
        self.animals: dict[str, Animal] = {}
        self.structural: RegionMap | None = None
        self.study: Study | None = None
        self.message = text_label(_EMPTY)
        self.open = button("Open project ...", "Open a project file (.h5).", self._choose_project)
        self.add = button(
            "Add this map ...",
            "Add the map of the Matrix tab to a project.",
            self._choose_target,
        )
        self.anatomy = button(
            "Structural ...",
            "Open a structural connectivity matrix to compare the mean with: a square CSV table\n"
            "with region names in the first row and column. Regions are matched by name.",
            self._choose_matrix,
        )
        self.kind = QComboBox()
        self.kind.setToolTip("Measure of the maps that are shown.")
        self.kind.activated.connect(lambda _: self._compare())
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["Animal, model", "Regions", "Frames"])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setStretchLastSection(False)
        self.list.setToolTip(
            "Click a row to show its map. The map of an animal is the mean over its models."
        )
        self.list.currentItemChanged.connect(lambda *_: self._show_chosen())
        self.one, self.other = MatrixView(home.viewer), MatrixView(home.viewer)
        for view in (self.one, self.other):
            view.clicked.connect(self.chosen.emit)
        self.alike = QTableWidget()
        self.alike.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.alike.setToolTip(
            "Below the diagonal: Spearman's rho. Above it: Pearson's r of logarithms."
        )
        self.alike_text = text_label("")
        self.scatter = plot(home.viewer, "log10 structural connection", "log10 functional")
        self.dots = pg.ScatterPlotItem(size=5, pen=None, brush=pg.mkBrush(BLUE), hoverable=True)
        self.scatter.addItem(self.dots)
        self.scatter_text = text_label("")
        self._lay_out()
        self._show_project()

    def _lay_out(self) -> None:
        side_by_side = QSplitter(Qt.Orientation.Horizontal)
        side_by_side.addWidget(self.one)
        side_by_side.addWidget(self.other)
        self.views = QTabWidget()
        self.views.addTab(side_by_side, "Maps")
        self.views.addTab(_column(self.alike, self.alike_text), "Similarity")
        self.views.addTab(_column(self.scatter, self.scatter_text), "Anatomy")
        buttons = QHBoxLayout()
        for part in (self.open, self.add, self.anatomy):
            buttons.addWidget(part)
        self.body = QSplitter(Qt.Orientation.Vertical)
        self.body.addWidget(_column(self.kind, self.list))
        self.body.addWidget(self.views)
        self.body.setSizes([150, 320])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(buttons)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)
        layout.addStretch(0)

    # --- files ----------------------------------------------------------------------------

    def _choose_project(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Project", "", "Projects (*.h5)")
        if path:
            self.open_project(path)

    def open_project(self, path: str | Path) -> None:
        """Open a project in the background and compare its animals."""
        from napari_crbm.connectome import load_project

        def show(animals: dict[str, Animal]) -> None:
            self.path, self.animals = Path(path), animals
            self._show_project()
            self._compare()

        self.home.run(f"Opening {Path(path).name}", lambda _: load_project(path), show, owner=self)

    def _choose_target(self) -> None:
        if self.current() is None:
            show_error("There is no map yet. Press Compute first.")
            return
        start = str(self.path or "study.h5")
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Add this map to a project (a new one, or one that exists)",
            start,
            "Projects (*.h5)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.add_to(path)

    def add_to(self, path: str | Path) -> None:
        """Add the map of the dock to a project, which is created if it does not exist."""
        from napari_crbm.connectome import add_to_project

        shown = self.current()
        if shown is None:
            return
        path = Path(path)
        path = path if path.suffix else path.with_suffix(".h5")
        self.home.run(
            f"Adding to {path.name}",
            lambda report: add_to_project(path, **shown(report)),
            lambda _: self.open_project(path),
        )

    def _choose_matrix(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Structural matrix", "", "Tables (*.csv *.txt)")
        if path:
            self.open_matrix(path)

    def open_matrix(self, path: str | Path) -> None:
        """Read a structural matrix and compare the mean with it."""
        from napari_crbm.connectome import read_matrix

        def show(matrix: RegionMap) -> None:
            self.structural = matrix
            self.views.setCurrentIndex(2)
            self._compare()

        self.home.run(f"Reading {Path(path).name}", lambda _: read_matrix(path), show, owner=self)

    # --- comparing ------------------------------------------------------------------------

    def _compare(self) -> None:
        from napari_crbm.connectome import of_kind
        from napari_crbm.connectome.study import compare_animals

        kind = self.kind.currentData()
        if kind is None:
            return
        animals, structural = of_kind(self.animals, *kind), self.structural
        centres = self._centres()

        def work(_report: Callable[[int, int], None]) -> Study:
            return compare_animals(animals, structural, centres_um=centres)

        self.home.run("Comparing animals", work, self._show_study, owner=self)

    def _centres(self) -> Any:
        """Return the centres of the regions of the open recording, for distances."""
        from napari_crbm.connectome import region_centroids

        recording = self.home.workspace.recording
        if recording is None or recording.regions is None:
            return None
        regions = recording.regions
        names = tuple(n for n, size in zip(regions.names, regions.counts, strict=True) if size)
        return names, region_centroids(recording.positions, regions, names)

    # --- what is shown --------------------------------------------------------------------

    def _show_project(self) -> None:
        from napari_crbm.connectome import kinds

        self.kind.clear()
        for kind in kinds(self.animals):
            # Imported here because figures take half a second to import.
            from napari_crbm.figures.connectivity import kind_label

            self.kind.addItem(kind_label(*kind), kind)
        self.kind.setVisible(self.kind.count() > 1)
        has = bool(self.animals)
        self.body.setVisible(has)
        self.anatomy.setEnabled(has)
        self.message.setText(_ALONE if len(self.animals) == 1 else _EMPTY)
        self.message.setVisible(len(self.animals) < 2)

    def _show_study(self, study: Study) -> None:
        self.study = study
        self._fill_list(study)
        self._show_similarity(study)
        self._show_agreement(study)

    def _fill_list(self, study: Study) -> None:
        from napari_crbm.connectome import of_kind

        self.list.blockSignals(True)
        self.list.clear()
        top = QTreeWidgetItem([f"Mean of {len(study.maps)} animals", str(len(study.mean.names))])
        top.setData(0, _MAP_ROLE, study.mean)
        self.list.addTopLevelItem(top)
        for name, animal in of_kind(self.animals, *self.kind.currentData()).items():
            mean = study.maps[name]
            item = QTreeWidgetItem([name, str(len(mean.names)), f"{animal.n_frames:,}"])
            item.setData(0, _MAP_ROLE, mean)
            self.list.addTopLevelItem(item)
            for model, found in animal.maps.items() if len(animal.maps) > 1 else ():
                below = QTreeWidgetItem([model, str(len(found.names))])
                below.setData(0, _MAP_ROLE, found)
                item.addChild(below)
            item.setExpanded(True)
        self.list.blockSignals(False)
        self.list.setCurrentItem(top)
        self._show_chosen()

    def _show_chosen(self) -> None:
        """Show the selected map and, in the same order, the structural one or the mean."""
        from napari_crbm.anatomy.names import match_names
        from napari_crbm.connectome import cluster_order

        item, study = self.list.currentItem(), self.study
        if item is None or study is None:
            return
        shown: RegionMap = item.data(0, _MAP_ROLE)
        order = cluster_order(shown)
        self.one.show_map(shown, order, item.text(0))
        beside, title = study.structural, "Structural, same order"
        if beside is None and shown is not study.mean:
            beside, title = study.mean, "Mean, same order"
        self.other.setVisible(beside is not None)
        if beside is not None:
            pairs = dict(match_names([shown.names[k] for k in order], beside.names))
            self.other.show_map(beside, np.array(list(pairs.values()), dtype=np.int64), title)

    def _show_similarity(self, study: Study) -> None:
        names, table = list(study.maps), study.similarity
        n = len(names)
        self.alike.setRowCount(n)
        self.alike.setColumnCount(n)
        self.alike.setHorizontalHeaderLabels(names)
        self.alike.setVerticalHeaderLabels(names)
        self.alike.clearContents()
        for row in table.itertuples():
            a, b = names.index(row.first), names.index(row.second)
            for place, what in (((b, a), "spearman"), ((a, b), "pearson")):
                value, p = getattr(row, what), getattr(row, f"{what}_p")
                tip = (
                    f"{what.title()} {value:.2f}, p = {p:.2g}, {row.n_regions} regions.\n"
                    f"{_sentence(row)}"
                )
                self.alike.setItem(*place, _cell(value, tip))
        self.alike.resizeColumnsToContents()
        self.alike_text.setText(_ALONE if study.shared is None else str(study.shared))

    def _show_agreement(self, study: Study) -> None:
        found = study.agreement
        if found is None:
            self.dots.clear()
            self.scatter_text.setText("Press Structural ... to compare the mean with anatomy.")
            return
        positive = (found.x > 0) & (found.y > 0) if found.logarithmic else found.x == found.x
        x, y = found.y[positive], found.x[positive]
        self.dots.setData(*((np.log10(x), np.log10(y)) if found.logarithmic else (x, y)))
        prefix = "log10 " if found.logarithmic else ""
        self.scatter.setLabel("bottom", f"{prefix}structural connection")
        self.scatter.setLabel("left", f"{prefix}mean of animals")
        self.scatter.autoRange()
        self.scatter_text.setText(agreement_text(found))


def agreement_text(found: Comparison) -> str:
    """Return a comparison with anatomy in rich text, with the regions left out."""
    zero = f", {found.n_zero} unconnected pairs left out" if found.n_zero else ""
    text = (
        f"<b>Spearman {found.spearman:.2f}</b> (p = {found.spearman_p:.2g}), Pearson "
        f"{'of logarithms ' if found.logarithmic else ''}{found.pearson:.2f} "
        f"(p = {found.pearson_p:.2g}) over {found.n_pairs} pairs of {len(found.names)} "
        f"regions{zero}."
    )
    text += f" {found.nearness}"
    for where, names in (
        ("in the map", found.only_first),
        ("in the structural matrix", found.only_second),
    ):
        if names:
            text += f" Only {where}: {', '.join(names)}."
    if found.unused:
        text += f" In both, but without a pair that has a value: {', '.join(found.unused)}."
    return text


def _sentence(row: Any) -> str:
    """Say whether a pair of animals agrees beyond nearness."""
    from napari_crbm.connectome.comparison import nearness_sentence

    return nearness_sentence(row.relocated, row.given_nearness, row.given_nearness_p)


def _cell(value: float, tip: str) -> QTableWidgetItem:
    from matplotlib import colormaps

    item = QTableWidgetItem(f"{value:.2f}")
    item.setToolTip(tip)
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    item.setBackground(QColor(*colormaps["cividis"](float(np.clip(value, 0, 1)), bytes=True)))
    item.setForeground(QColor("black" if value > 0.5 else "white"))
    return item


def _column(*widgets: QWidget) -> QWidget:
    pane = QWidget()
    column = QVBoxLayout(pane)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    return pane
