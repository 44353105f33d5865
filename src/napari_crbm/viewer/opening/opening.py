"""Open files in the background; show the mapping dialog for an unknown layout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QInputDialog

from napari_crbm.anatomy import region_tree
from napari_crbm.errors import FormatError, RecordingError, SeveralRecordings, UnknownLayout
from napari_crbm.model import CRBM, Control
from napari_crbm.preprocessing import PreprocessingStopped
from napari_crbm.recording import Recording
from napari_crbm.viewer.opening.mapping import Unmapped, reason_to_ask, unmapped
from napari_crbm.viewer.parts.notices import show_info, show_warning


class Opening(QObject):
    """Open files for a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    run : callable
        Runs work in the background; see `napari_crbm.viewer.home.Home.run`.
    show : callable
        Takes an opened recording or model, and its path.
    idle : callable
        Called when opening has ended.
    parent : QObject
        The owner of this object.
    """

    def __init__(
        self,
        viewer: Any,
        run: Callable[..., Any],
        show: Callable[[Recording | CRBM, Path], None],
        idle: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._run, self._show, self._idle = run, show, idle
        self._control: Control | None = None

    @property
    def under_way(self) -> bool:
        """Whether a file is being opened."""
        return self._control is not None

    def open_file(self, path: str | Path, **options: Any) -> None:
        """Open a recording, or a model for the open recording, in the background.

        If the layout of the file is unknown, or the recording in it cannot be read, the mapping
        dialog opens.
        """
        path = Path(path)
        self._control = control = Control()

        def work(
            report: Callable[[int, int], None],
        ) -> Recording | CRBM | Unmapped | SeveralRecordings | None:
            from napari_crbm.io import load_model, open_recording, read_kind

            try:
                if options.get("profile") is None and read_kind(path) == "model":
                    return load_model(path)
                recording = open_recording(path, progress=report, control=control, **options)
                _count(recording)
                return recording
            except PreprocessingStopped:
                return None
            except SeveralRecordings as error:
                return error
            except (UnknownLayout, RecordingError) as error:
                found = None
                with suppress(FormatError):
                    found = unmapped(path, reason_to_ask(error), options)
                if found is None:
                    raise error
                return found

        def finish(result: Any) -> None:
            if isinstance(result, SeveralRecordings):
                self._over()
                self._ask_which(result, path, options)
            else:
                self._over()
                self._use(result, path)

        self._run(f"Opening {path.name}", work, finish, self._over)

    def _ask_which(
        self, several: SeveralRecordings, path: Path, options: dict[str, Any]
    ) -> QInputDialog:
        """Open a dialog, without blocking the window, to choose one recording of a file."""
        dialog = QInputDialog(self._viewer.window._qt_window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Which recording?")
        dialog.setLabelText(f"{path.name} holds {len(several.groups)} recordings. Open")
        dialog.setComboBoxItems(list(several.groups))
        dialog.textValueSelected.connect(
            lambda group: self.open_file(path, **{**options, "group": group})
        )
        dialog.open()
        return dialog

    def cancel(self) -> None:
        """Stop opening the current file."""
        if self._control is not None:
            self._control.stop()

    def _over(self) -> None:
        self._control = None
        self._idle()

    def map_file(self, path: str | Path, why: str = "") -> None:
        """Show the mapping dialog for a file of any layout, then open the file."""
        path = Path(path)

        def work(_report: Callable[[int, int], None]) -> Unmapped:
            found = unmapped(path, why)
            if found is None:
                raise FormatError(
                    f"{path.name} holds no table of numbers that could be the activity of neurons."
                )
            return found

        self._run(f"Examining {path.name}", work, self._ask)

    def _ask(self, unknown: Unmapped) -> None:
        """Open the mapping dialog without blocking the window."""
        from napari_crbm.io.unknown.profile_files import remember
        from napari_crbm.viewer.opening.mapping_dialog import MappingDialog

        dialog = MappingDialog(self._viewer, unknown, self._viewer.window._qt_window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def accepted() -> None:
            profile = dialog.profile
            try:
                remember(profile)
            except FormatError as error:
                show_warning(str(error))
            path = unknown.path
            if path.suffix.lower() == profile.activity[-4:].lower() == ".npy":
                # Another file beside the dropped one was chosen.
                path = path.with_name(profile.activity)
            self.open_file(path, profile=profile, **unknown.options)

        dialog.accepted.connect(accepted)
        dialog.open()

    def _use(self, result: Recording | CRBM | Unmapped | None, path: Path) -> None:
        if isinstance(result, Unmapped):
            self._ask(result)
        elif result is None:
            show_info("Opening was cancelled; nothing was changed.")
        else:
            self._show(result, path)


def _count(recording: Recording) -> None:
    """Compute cached properties of a recording that docks need, in the background thread."""
    _ = recording.spikes.neuron_counts, recording.spikes.frame_counts, recording.fingerprint
    if recording.regions is not None:
        region_tree(recording.regions)
