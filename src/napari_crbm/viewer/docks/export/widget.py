"""The *Export* dock: figures, tables, pictures of the canvas and movies, as files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSpinBox,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.figures import FIGURES, KINDS, SHEETS, TABLE_FORMATS, Export
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, Job, cancellable, message_of
from napari_crbm.viewer.layers.canvas_code import canvas_code
from napari_crbm.viewer.layers.pictures import (
    FRAME_MS,
    MOVIE_ENDINGS,
    canvas_picture,
    check_movie,
    check_picture,
    turned,
    write_movie,
    write_picture,
)
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = (
    "No model yet, so only a picture or a movie of the canvas can be exported. Train a model "
    "(Train dock), or load one."
)
_NO_ASSEMBLY = "Choose an assembly first (Assemblies dock); a sheet shows one."
_CANVAS, _MOVIE = "canvas", "movie"
_OWN = {
    _CANVAS: ("Picture of the canvas as it is", (".png",)),
    _MOVIE: ("Movie: the brain turns once around", MOVIE_ENDINGS),
}


class ExportWidget(QWidget):
    """Choose what, how large and where; the same in Python can be copied."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(320)
        self._cancel = threading.Event()
        self._running = False
        self._movie: _Turn | None = None

        self.message = text_label(_NO_RECORDING)
        self.kind = QComboBox()
        for name, (label, _) in {**KINDS, **_OWN}.items():
            self.kind.addItem(label, name)
        self.kind.currentIndexChanged.connect(self._show_state)
        self.theme = QComboBox()
        self.theme.addItem("Dark on light", "light")
        self.theme.addItem("Light on dark", "dark")
        self.width_mm = QDoubleSpinBox()
        self.width_mm.setRange(0, 1000)
        self.width_mm.setDecimals(0)
        self.width_mm.setSuffix(" mm")
        self.width_mm.setSpecialValueText("as designed")
        self.width_mm.setToolTip("Width on paper; text keeps its size in points.")
        self.dpi = QSpinBox()
        self.dpi.setRange(50, 2400)
        self.dpi.setValue(300)
        self.dpi.setSuffix(" dpi")
        self.dpi.setToolTip("Resolution of PNG files, and of the neurons inside PDF and SVG.")
        self.table_format = QComboBox()
        self.table_format.addItems(TABLE_FORMATS)
        self.table_format.setToolTip("CSV for everybody; Parquet for large tables and all digits.")
        self.frontal = QCheckBox("From the front too")
        self.frontal.setToolTip("Add the view from the front to dorsal and side view.")
        self.length_s = QDoubleSpinBox()
        self.length_s.setRange(0.5, 60)
        self.length_s.setDecimals(1)
        self.length_s.setValue(4)
        self.length_s.setSuffix(" s")
        self.length_s.setToolTip("How long one turn takes; longer is smoother, and a larger file.")
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        self.fields = {
            "theme": self.theme,
            "width_mm": self.width_mm,
            "dpi": self.dpi,
            "table_format": self.table_format,
            "frontal": self.frontal,
            "length_s": self.length_s,
        }
        self.labels = {}
        form.addRow("What", self.kind)
        for name, text in (
            ("theme", "Colours"),
            ("width_mm", "Width"),
            ("dpi", "Resolution"),
            ("table_format", "Format"),
            ("frontal", "Views"),
            ("length_s", "One turn"),
        ):
            self.labels[name] = QLabel(text)
            form.addRow(self.labels[name], self.fields[name])
        self.save = button(
            "Save as...", "Choose a file; it is written in the background.", self._ask
        )
        self.copy = button(
            "Copy Python",
            "Copy the lines of Python that write the same file again, for a script or a notebook.",
            self._copy,
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.hint = text_label("")
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.copy)
        layout = page(self)
        layout.addWidget(self.message)
        layout.addLayout(form)
        layout.addWidget(self.hint)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addStretch(1)

        for signal in ("recording_changed", "trained_changed", "assembly_changed"):
            follow(self, getattr(self.workspace, signal), self._show_state)
        self._show_state()

    # --- state ----------------------------------------------------------------------------

    @property
    def chosen(self) -> str:
        """Kind of the export."""
        return str(self.kind.currentData())

    def choose(self, kind: str) -> None:
        """Choose what to export."""
        self.kind.setCurrentIndex(self.kind.findData(kind))

    def _show_state(self) -> None:
        recording, trained = self.workspace.recording, self.workspace.trained
        self.message.setText(
            _NO_RECORDING if recording is None else _NO_MODEL if trained is None else ""
        )
        self.message.setVisible(recording is None or trained is None)
        kind = self.chosen
        without_model = set(_OWN) if recording is not None else set()
        for place in range(self.kind.count()):
            usable = trained is not None or self.kind.itemData(place) in without_model
            self.kind.model().item(place).setEnabled(usable)
        unchosen = kind == "sheet" and self.workspace.assembly is None
        possible = trained is not None or kind in without_model
        ready = possible and not unchosen
        self.save.setEnabled(self._running or ready)
        self.copy.setEnabled(ready and not self._running)
        used = dict.fromkeys(("theme", "width_mm", "dpi"), kind in FIGURES)
        used["table_format"] = kind == "tables"
        used["frontal"] = kind in SHEETS
        used["length_s"] = kind == _MOVIE
        for name, field in self.fields.items():
            field.setVisible(used[name])
            self.labels[name].setVisible(used[name])
        hints = {
            "sheet": f"Assembly {self.workspace.assembly}, the one shown in the brain.",
            "statistics": "What the model generates is compared with held-out frames; a minute.",
            "connectivity": "Effective couplings between regions; a quarter of a minute at most.",
            "tables": "Four files in a folder: assemblies, members, weights, activity.",
            "nwb": "Neurons, spikes, fluorescence, assemblies and their activity in one file.",
            "weights": "Opens in Fishualizer (Add static data), in pandas, and here again.",
            _CANVAS: "With scale bar and legend, at twice the size of the screen.",
            _MOVIE: "The brain in the window turns meanwhile.",
        }
        if possible and unchosen:
            self.hint.setText(_NO_ASSEMBLY)
        else:
            self.hint.setText(hints.get(kind, "") if ready else "")

    def export_to(self, path: Path) -> Export:
        """What would be written.

        Raises
        ------
        CRBMError
            If the choices make no sense.
        """
        kind = self.chosen
        figure = kind in FIGURES
        return Export(
            kind,
            path,
            assembly=self.workspace.assembly if kind == "sheet" else None,
            theme=str(self.theme.currentData()) if figure else "light",
            width_mm=(self.width_mm.value() or None) if figure else None,
            dpi=self.dpi.value() if figure else 300,
            table_format=self.table_format.currentText(),
            frontal=kind in SHEETS and self.frontal.isChecked(),
        )

    @property
    def n_pictures(self) -> int:
        """Pictures of a movie."""
        return round(1000 * self.length_s.value() / FRAME_MS)

    # --- what the person does ---------------------------------------------------------------

    def _default_path(self) -> Path:
        recording = self.workspace.recording
        stem = (recording.name if recording is not None else "brain").replace(" ", "-")
        label = f"assembly-{self.workspace.assembly}" if self.chosen == "sheet" else self.chosen
        endings = {**KINDS, **_OWN}[self.chosen][1]
        return Path(f"{stem}-{label}{endings[0] if endings else ''}")

    def _ask(self) -> None:
        if self._running:
            self._cancel.set()
            return
        endings = {**KINDS, **_OWN}[self.chosen][1]
        if not endings:
            path = QFileDialog.getExistingDirectory(self, "Folder for the tables")
        else:
            kinds = ";;".join(f"{ending[1:].upper()} (*{ending})" for ending in endings)
            path, _ = QFileDialog.getSaveFileName(self, "Export", str(self._default_path()), kinds)
        if path:
            self.write(Path(path))

    def code(self, path: Path | None = None) -> str:
        """Python that writes the same again.

        Raises
        ------
        CRBMError
            If the choices make no sense, or there is no recording.
        """
        recording = self.workspace.recording
        if recording is None:
            raise CRBMError(_NO_RECORDING)
        path = path or self._default_path()
        model = str(self.workspace.model_path or "model.h5")
        if self.chosen in _OWN:
            shown = None if self.workspace.trained is None else model
            options = {"n_pictures": self.n_pictures} if self.chosen == _MOVIE else {}
            return canvas_code(self.chosen, path, shown, self.home.viewer, **options)
        return self.export_to(path).code(recording, model)

    def _copy(self) -> None:
        try:
            QApplication.clipboard().setText(self.code())
        except CRBMError as error:
            show_error(str(error))
            return
        known = self.workspace.trained is None or self.workspace.model_path is not None
        show_info("Copied." if known else "Copied. Save the model to model.h5 to use it.")

    def write(self, path: Path) -> None:
        """Write to a path, in the background."""
        if self.chosen in _OWN:
            try:
                if self.chosen == _CANVAS:
                    check_picture(path)
                    picture = canvas_picture(self.home.viewer)
                    self._write(path, lambda _: [write_picture(path, picture)])
                else:
                    check_movie(path)
                    self._start_movie(path)
            except (CRBMError, OSError) as error:
                show_error(message_of(error))
            return
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None:
            return
        try:
            export = self.export_to(path)
        except CRBMError as error:
            show_error(str(error))
            return
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> list[Path]:
            checked = cancellable(report, cancel)
            try:
                return export.write(trained.model, recording, trained.activity, checked)
            except Cancelled:
                return []

        self._write(path, work).progressed.connect(self._show_progress)

    def _write(self, path: Path, work: Callable[[Any], list[Path]]) -> Job:
        """Let a job write what it returns; the button stops it meanwhile."""
        self._set_running(True)
        return self.home.run(
            f"Writing {path.name}", work, self._written, lambda: self._set_running(False)
        )

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _written(self, paths: list[Path]) -> None:
        self._set_running(False)
        if paths:
            shown = paths[0] if len(paths) == 1 else f"{len(paths)} files to {paths[0].parent}"
            show_info(f"Wrote {shown}.")

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self.save.setText("Cancel" if running else "Save as...")
        self._show_state()

    # --- movie ----------------------------------------------------------------------------

    def _start_movie(self, path: Path) -> None:
        self._cancel = threading.Event()
        self._set_running(True)
        self._movie = _Turn(self, lambda pictures: self._finish_movie(path, pictures))

    def _finish_movie(self, path: Path, pictures: list[NDArray[np.uint8]]) -> None:
        self._movie = None
        if not pictures:
            self._set_running(False)
            return
        self._write(path, lambda _: [write_movie(path, pictures)])


class _Turn:
    """Take pictures while the camera goes round, one at a time, so that the window lives on."""

    def __init__(self, dock: ExportWidget, done: Callable[[list[NDArray[np.uint8]]], None]) -> None:
        self.dock, self.done = dock, done
        self.camera = dock.home.viewer.scene.camera
        self.before = self.camera.angles
        self.pictures: list[NDArray[np.uint8]] = []
        self.n_pictures = dock.n_pictures
        self.timer = QTimer(dock)
        self.timer.timeout.connect(self._take)
        self.timer.start(0)

    def _take(self) -> None:
        if self.dock._cancel.is_set():
            self.pictures = []
        elif len(self.pictures) < self.n_pictures:
            self.camera.angles = turned(self.before, len(self.pictures), self.n_pictures)
            picture = canvas_picture(self.dock.home.viewer, scale=1.0)
            self.pictures.append(picture[..., :3])
            self.dock._show_progress(len(self.pictures), self.n_pictures)
            return
        self.timer.stop()
        self.camera.angles = self.before
        self.done(self.pictures)
