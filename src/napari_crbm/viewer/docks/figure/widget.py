"""The *Figure* dock: compose a figure of several panels for a journal."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.analysis import STATISTICS
from napari_crbm.errors import CRBMError
from napari_crbm.figures.compose import Composition, Panel, compose
from napari_crbm.figures.panels import KINDS_OF_PANELS
from napari_crbm.figures.presets import PRESETS
from napari_crbm.figures.sources import source_for
from napari_crbm.figures.style import save_figure
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.saved_fields import ask_save, save_field
from napari_crbm.viewer.parts.style import button, page, scrolling, text_label
from napari_crbm.viewer.parts.when_visible import WhenVisible
from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.answers import responses_of

if TYPE_CHECKING:
    from napari_crbm.figures.panels import Source

_NO_MODEL = "No model yet. Train one (Train dock) or open one; then compose its figure here."
_EMPTY = "Add panels, or press From the screen. Drag them into another order."
_NO_EVENTS = (
    "An average around events needs events: choose a course or a table of onsets in the Tuning "
    "dock, and press Find."
)
_PREVIEW_DPI = 110
_SAVED_DPI = 600
_ROLE = Qt.ItemDataRole.UserRole
#: Panels that need a computation of many seconds; they are previewed on request only.
_SLOW = {"evaluation", "region_map"}


class FigureWidget(QWidget):
    """List of panels, the page they are for, a preview, and a file."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(340)
        self._written: Path | None = None
        # What was computed last, for which model and panels' needs.
        self._source: tuple[object, frozenset[str], Source] | None = None

        self.message = text_label(_NO_MODEL)
        self.kind = QComboBox()
        for name, kind in KINDS_OF_PANELS.items():
            self.kind.addItem(kind.title, name)
        self.kind.setAccessibleName("Panel to add")
        self.of = QComboBox()
        self.of.setAccessibleName("Assembly or statistic of the panel")
        self.kind.currentIndexChanged.connect(self._offer)
        self.add = button("Add", "Add this panel.", self._add)
        self.screen = button(
            "From the screen",
            "Panels of what is shown: the chosen assemblies with their activity and regions, and "
            "the raster.",
            self.take_screen,
        )
        self.remove = button("Remove", "Remove the selected panel.", self._remove)
        self.panels = QListWidget()
        self.panels.setAccessibleName("Panels in reading order")
        self.panels.setToolTip("Panels in reading order. Drag one to move it.")
        self.panels.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.panels.setMaximumHeight(130)
        self.journal, self.columns = QComboBox(), QComboBox()
        for name, preset in PRESETS.items():
            self.journal.addItem(preset.title, name)
        self.font = QDoubleSpinBox()
        self.font.setRange(5.0, 7.0)
        self.font.setSingleStep(0.5)
        self.font.setDecimals(1)
        self.font.setValue(6.0)
        self.font.setSuffix(" pt")
        self.font.setToolTip("Largest letters. No letter is smaller than 5 points.")
        self.letters = QCheckBox("Letter the panels")
        self.letters.setChecked(True)
        self.preview = QLabel()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.preview.setAccessibleName("Preview of the figure")
        self.draw_button = button(
            "Preview", "Draw the figure; statistics and the matrix are computed first.", self.draw
        )
        self.save = button("Save as...", "Write a PDF, SVG or PNG.", self._ask)
        self.show_folder = button("Show in folder", "Open the folder of the file.", self._folder)
        self.show_folder.hide()
        self.status = text_label("")
        self._lay_out()

        save_field("figure/journal", self.journal)
        self._offer_columns()
        for name, field in (
            ("columns", self.columns),
            ("font", self.font),
            ("letters", self.letters),
        ):
            save_field(f"figure/{name}", field)
        self.journal.currentIndexChanged.connect(self._offer_columns)
        # Fields change several times in a row.
        self._soon = QTimer(self, singleShot=True, interval=300)
        self._when_visible = WhenVisible(self, self._draw_if_quick)
        self._soon.timeout.connect(self._when_visible.request)
        for signal in (
            self.columns.currentIndexChanged,
            self.font.valueChanged,
            self.letters.toggled,
            self.panels.model().rowsMoved,
            self.panels.model().rowsInserted,
            self.panels.model().rowsRemoved,
            self.panels.model().modelReset,
        ):
            signal.connect(self._changed)
        follow(self, self.workspace.trained_changed, self._show)
        follow(self, self.workspace.assembly_changed, self._offer)
        self._show()

    def _lay_out(self) -> None:
        adding, below, saving = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        adding.addWidget(self.kind, 1)
        adding.addWidget(self.of)
        adding.addWidget(self.add)
        below.addWidget(self.screen)
        below.addWidget(self.remove)
        form = QFormLayout()
        form.addRow("Journal", self.journal)
        form.addRow("Width", self.columns)
        form.addRow("Letters", self.font)
        for part in (self.draw_button, self.save):
            saving.addWidget(part)
        layout = page(self)
        layout.addWidget(self.message)
        self.body = QWidget()
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(adding)
        column.addLayout(below)
        column.addWidget(self.panels)
        column.addLayout(form)
        column.addWidget(self.letters)
        column.addLayout(saving)
        column.addWidget(self.status)
        column.addWidget(self.show_folder)
        column.addWidget(scrolling(self.preview), 1)
        layout.addWidget(self.body, 1)

    # --- panels -----------------------------------------------------------------------------

    def composition(self) -> Composition:
        """Return the figure as entered.

        Raises
        ------
        CRBMError
            If there is no panel.
        """
        rows = range(self.panels.count())
        return Composition(
            tuple(Panel.parse(self.panels.item(row).data(_ROLE)) for row in rows),
            str(self.journal.currentData()),
            str(self.columns.currentData()),
            self.font.value(),
            self.letters.isChecked(),
        )

    def add_panel(self, panel: Panel) -> None:
        """Add a panel at the end."""
        item = QListWidgetItem(self._words(panel))
        item.setData(_ROLE, str(panel))
        self.panels.addItem(item)

    def _words(self, panel: Panel) -> str:
        kind = KINDS_OF_PANELS[panel.kind]
        if kind.of == "assembly":
            return f"{kind.title}: {self.workspace.labels.labels.title(int(panel.of))}"
        return f"{kind.title}: {STATISTICS[panel.of].heading}" if kind.of else kind.title

    def take_screen(self) -> None:
        """Replace the panels by those of what is on the screen."""
        self.panels.clear()
        recording = self.workspace.recording
        for assembly in self.workspace.assemblies[:3]:
            self.add_panel(Panel("brain", str(assembly)))
            self.add_panel(Panel("trace", str(assembly)))
            if recording is not None and recording.regions is not None:
                self.add_panel(Panel("regions", str(assembly)))
        self.add_panel(Panel("raster"))

    def _add(self) -> None:
        kind = str(self.kind.currentData())
        of = str(self.of.currentData()) if KINDS_OF_PANELS[kind].of else ""
        self.add_panel(Panel(kind, of))

    def _remove(self) -> None:
        row = self.panels.currentRow()
        self.panels.takeItem(row if row >= 0 else self.panels.count() - 1)

    # --- what is shown ----------------------------------------------------------------------

    def _show(self) -> None:
        trained = self.workspace.trained
        self.message.setVisible(trained is None)
        self.body.setVisible(trained is not None)
        self.panels.clear()
        self._source = None
        self.status.setText(_EMPTY)
        self.preview.clear()
        self._offer()

    def _offer(self) -> None:
        """Offer the assemblies, or the statistics, that a panel of this kind can be of."""
        of = KINDS_OF_PANELS[str(self.kind.currentData())].of
        trained = self.workspace.trained
        self.of.clear()
        self.of.setVisible(bool(of))
        if of == "statistic":
            for name, each in STATISTICS.items():
                self.of.addItem(each.heading, name)
        elif of and trained is not None:
            for assembly in range(trained.model.n_assemblies):
                self.of.addItem(str(assembly), str(assembly))
            self.of.setCurrentIndex(self.workspace.assembly or 0)

    def _offer_columns(self) -> None:
        preset, shown = PRESETS[str(self.journal.currentData())], self.columns.currentText()
        self.columns.clear()
        for name, width in preset.widths_mm:
            self.columns.addItem(f"{name} column, {width:g} mm", name)
        kept = self.columns.findText(shown)
        self.columns.setCurrentIndex(kept if kept >= 0 else self.columns.count() - 1)

    def _changed(self) -> None:
        some = self.panels.count() > 0
        for control in (self.draw_button, self.save, self.remove):
            control.setEnabled(some)
        if some:
            self._soon.start()
        else:
            self.preview.clear()
            self.status.setText(_EMPTY)

    # --- drawing ----------------------------------------------------------------------------

    def _draw_if_quick(self) -> None:
        if not self.panels.count():
            return
        needs = self.composition().needs
        known = self._source is not None and needs <= self._source[1]
        if needs & _SLOW and not known:
            self.status.setText("Press Preview: statistics and matrix take some seconds.")
        else:
            self.draw()

    def draw(self) -> None:
        """Draw the preview in the background."""
        self._compose(_PREVIEW_DPI, self._show_preview, "Drawing the figure")

    def write(self, path: Path) -> None:
        """Write the figure to a file in the background."""
        self._compose(_SAVED_DPI, self._tell, f"Writing {path.name}", path)

    def _compose(
        self, dpi: int, done: Callable[[Any], None], what: str, path: Path | None = None
    ) -> None:
        trained, recording = self.workspace.trained, self.workspace.recording
        if trained is None or recording is None:
            return
        try:
            composition = self.composition()
        except CRBMError as error:
            show_error(str(error))
            return
        kept, model = self._source, trained.model

        def work(report: Callable[[int, int], None]) -> Any:
            needs = frozenset(composition.needs)
            responses = responses_of(model)
            if "responses" in needs and responses is None:
                return model, needs, None, CRBMError(_NO_EVENTS)
            if kept is not None and kept[0] is model and needs <= kept[1]:
                source = kept[2]
            else:
                source = source_for(
                    composition,
                    model,
                    recording,
                    trained.activity,
                    responses=responses,
                    report=report,
                )
            try:
                figure = compose(composition, source)
            except CRBMError as error:
                return model, needs, source, error
            size = tuple(25.4 * figure.get_size_inches())
            if path is not None:
                return model, needs, source, (save_figure(figure, path, dpi), size)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=dpi)
            return model, needs, source, (buffer.getvalue(), size)

        def finish(result: Any) -> None:
            model, needs, source, found = result
            # Averages around events may be others next time.
            keep = source is not None and "responses" not in needs
            self._source = (model, needs, source) if keep else None
            if isinstance(found, CRBMError):
                self.preview.clear()
                self.status.setText(str(found))
            else:
                done(found)

        self.status.setText(f"{what} ...")
        self.home.run(what, work, finish, lambda: self.status.setText(""), owner=self)

    def _show_preview(self, found: tuple[bytes, tuple[float, float]]) -> None:
        png, (width, height) = found
        pixmap = QPixmap()
        pixmap.loadFromData(png)
        ratio = self.devicePixelRatioF()
        room = round(max(self.body.width() - 30, 200) * ratio)
        pixmap = pixmap.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)
        pixmap.setDevicePixelRatio(ratio)
        self.preview.setPixmap(pixmap)
        self.status.setText(f"{width:.0f} x {height:.0f} mm on paper.")

    # --- files ------------------------------------------------------------------------------

    def _ask(self) -> None:
        recording = self.workspace.recording
        stem = (recording.name if recording is not None else "figure").replace(" ", "-")
        path = ask_save(
            self, "Save the figure", f"{stem}-figure.pdf", "Figures (*.pdf *.svg *.png)"
        )
        if path:
            self.write(path)

    def _tell(self, found: tuple[Path, tuple[float, float]]) -> None:
        path, (width, height) = found
        self._written = path.absolute().parent
        self.show_folder.show()
        self.status.setText(f"Wrote {path} ({width:.0f} x {height:.0f} mm).")

    def _folder(self) -> None:
        if self._written is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written)))
