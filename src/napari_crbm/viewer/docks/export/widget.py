"""The *Export* dock: figures, tables, pictures of the canvas and movies, as files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QHBoxLayout, QProgressBar, QWidget

from napari_crbm.declarations import declared
from napari_crbm.errors import CRBMError
from napari_crbm.figures import FIGURES, KINDS, SHEETS, Export
from napari_crbm.figures.style import DPI
from napari_crbm.viewer.docks.export.movie import MovieSettings, Picture, Turn
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, Job, cancellable, message_of
from napari_crbm.viewer.layers.canvas_code import canvas_code
from napari_crbm.viewer.layers.pictures import (
    MOVIE_ENDINGS,
    canvas_picture,
    check_movie,
    check_picture,
    write_movie,
    write_picture,
)
from napari_crbm.viewer.parts.forms import Form, save_magic_field
from napari_crbm.viewer.parts.notices import show_error, show_info
from napari_crbm.viewer.parts.saved_fields import ask_folder, ask_save
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
    """Choose kind, options and file of an export, or copy the equivalent Python code."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.setMinimumWidth(320)
        self._cancel = threading.Event()
        self._running = False
        self._turn: Turn | None = None
        self._written_to: Path | None = None

        self.message = text_label(_NO_RECORDING)
        choices = [(label, name) for name, (label, _) in {**KINDS, **_OWN}.items()]
        what = ComboBox(name="kind", label="What", choices=choices)
        what.native.setAccessibleName("What")
        #: The Qt combo box of kinds, in which some entries are disabled.
        self.kind = what.native
        options = [each for each in declared(Export) if each.setting.label]
        self.form = Form([*options, *declared(MovieSettings)], first=[what])
        self.form.offer("theme", [("Dark on light", "light"), ("Light on dark", "dark")])
        save_magic_field("export/kind", what)
        self.form.save("export")
        self.save = button(
            "Save as...", "Choose a file; it is written in the background.", self._ask
        )
        self.copy = button(
            "Copy Python",
            "Copy the lines of Python that write the same file again, for a script or a notebook.",
            self._copy,
        )
        self.show_folder = button(
            "Show in folder", "Open the folder of the file written last.", self._show_folder
        )
        self.show_folder.hide()
        self.bar = QProgressBar()
        self.bar.hide()
        self.hint = text_label("")
        self.result = text_label("")
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.copy)
        layout = page(self)
        layout.addWidget(self.message)
        layout.addWidget(self.form)
        layout.addWidget(self.hint)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addWidget(self.result)
        layout.addWidget(self.show_folder)
        layout.addStretch(1)

        for signal in ("recording_changed", "trained_changed", "assembly_changed"):
            follow(self, getattr(self.workspace, signal), self._show_state)
        what.changed.connect(lambda _: self._show_state())
        self._show_state()

    # --- state ----------------------------------------------------------------------------

    @property
    def chosen(self) -> str:
        """Kind of the export."""
        return str(self.kind.currentData())

    def choose(self, kind: str) -> None:
        """Select the kind of export."""
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
        self.form.show_fields(used)
        hints = {
            "sheet": f"Assembly {self.workspace.assembly}, the one shown in the brain.",
            "statistics": "Samples of the model are compared with held-out frames; about a minute.",
            "connectivity": "Effective couplings between regions; up to 15 s.",
            "tables": "Four files in a folder: assemblies, members, weights, activity.",
            "nwb": "Neurons, spikes, fluorescence, assemblies and their activity in one file.",
            "weights": "Opens in Fishualizer (Add static data), in pandas, and here again.",
            _CANVAS: "As it is, with what is ticked under Show in the Anatomy dock, at twice the "
            "resolution of the screen.",
            _MOVIE: "The brain in the window turns while the pictures are taken.",
        }
        if possible and unchosen:
            self.hint.setText(_NO_ASSEMBLY)
        else:
            self.hint.setText(hints.get(kind, "") if ready else "")

    def export_to(self, path: Path) -> Export:
        """Return the export as entered.

        Raises
        ------
        CRBMError
            If the choices are invalid.
        """
        kind = self.chosen
        figure, values = kind in FIGURES, self.form.values()
        return Export(
            kind,
            path,
            assembly=self.workspace.assembly if kind == "sheet" else None,
            theme=values["theme"] if figure else "light",
            width_mm=values["width_mm"] if figure else None,
            dpi=values["dpi"] if figure else DPI,
            table_format=values["table_format"],
            frontal=kind in SHEETS and values["frontal"],
        )

    @property
    def n_pictures(self) -> int:
        """Number of pictures of a movie."""
        return MovieSettings(self.form["length_s"].value).n_pictures

    # --- actions --------------------------------------------------------------------------

    def _default_path(self) -> Path:
        recording = self.workspace.recording
        stem = (recording.name if recording is not None else "brain").replace(" ", "-")
        label = f"assembly-{self.workspace.assembly}" if self.chosen == "sheet" else self.chosen
        endings = {**KINDS, **_OWN}[self.chosen][1]
        return Path(f"{stem}-{label}{endings[0] if endings else ''}")

    def _ask(self) -> None:
        if self._running:
            self._cancel.set()
            if self._turn is not None:
                self._turn.stop()
            return
        endings = {**KINDS, **_OWN}[self.chosen][1]
        if not endings:
            path = ask_folder(self, "Folder for the tables")
        else:
            kinds = ";;".join(f"{ending[1:].upper()} (*{ending})" for ending in endings)
            path = ask_save(self, "Export", self._default_path().name, kinds)
        if path:
            self.write(path)

    def _show_folder(self) -> None:
        if self._written_to is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written_to)))

    def code(self, path: Path | None = None) -> str:
        """Return Python code that writes the same file again.

        Raises
        ------
        CRBMError
            If the choices are invalid, or no recording is open.
        """
        recording = self.workspace.recording
        if recording is None:
            raise CRBMError(_NO_RECORDING)
        path = path or self._default_path()
        model = str(self.workspace.model_path or "model.h5")
        if self.chosen in _OWN:
            shown = None if self.workspace.trained is None else model
            options = {"n_pictures": self.n_pictures} if self.chosen == _MOVIE else {}
            if not self.home.legend.shown:
                options["legend"] = False
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
                    picture = canvas_picture(self.home.viewer, legend=self.home.legend.shown)
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
        """Write files in the background; meanwhile the button cancels the export."""
        self._set_running(True)
        return self.home.run(
            f"Writing {path.name}",
            work,
            self._written,
            lambda: self._set_running(False),
            owner=self,
        )

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _written(self, paths: list[Path]) -> None:
        self._set_running(False)
        if paths:
            shown = paths[0] if len(paths) == 1 else f"{len(paths)} files to {paths[0].parent}"
            self._written_to = folder = paths[0].absolute().parent
            what = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
            self.result.setText(f"Wrote {what} to the folder {folder.name}.")
            self.result.setToolTip(str(folder))
            self.show_folder.show()
            show_info(f"Wrote {shown}.")

    def _set_running(self, running: bool) -> None:
        self._running = running
        if running:
            self.result.setText("")
            self.show_folder.hide()
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)
        self.save.setText("Cancel" if running else "Save as...")
        self._show_state()

    # --- movie ----------------------------------------------------------------------------

    def _start_movie(self, path: Path) -> None:
        viewer = self.home.viewer
        self._set_running(True)
        self._turn = turn = Turn(
            viewer.scene.camera,
            lambda: canvas_picture(viewer, scale=1.0, legend=self.home.legend.shown),
            self.n_pictures,
            self,
        )
        turn.progressed.connect(self._show_progress)
        turn.failed.connect(self._end_movie)
        turn.finished.connect(lambda pictures: self._finish_movie(path, pictures))
        turn.start()

    def _finish_movie(self, path: Path, pictures: list[Picture]) -> None:
        self._end_movie()
        if pictures:
            self._write(path, lambda _: [write_movie(path, pictures)])

    def _end_movie(self, problem: str = "") -> None:
        self._turn = None
        self._set_running(False)
        if problem:
            show_error(problem)
