"""The *States* dock: combinations of assemblies over time, coactivation, durations."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import ModelError
from napari_crbm.viewer.docks.states.coactivation import CoactivationPanel
from napari_crbm.viewer.docks.states.combinations import CombinationsPanel
from napari_crbm.viewer.docks.states.unit_table import UnitTable
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.jobs.job import Cancelled, cancellable
from napari_crbm.viewer.parts.assembly_key import AssemblyKey
from napari_crbm.viewer.parts.notices import show_info
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.when_visible import WhenVisible
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.analysis import BrainStates

_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_NO_MODEL = "No model yet. Train one (Train dock) or open one."


class StatesWidget(QWidget):
    """Number of active assemblies, their combinations, coactivation and durations."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace = self.home.workspace
        self.states: BrainStates | None = None
        self._cancel = threading.Event()
        self._asked_for: object = None
        self.setMinimumWidth(340)

        self.message = text_label(_NO_RECORDING)
        self.bar = QProgressBar()
        self.bar.hide()
        self.save = button("Save figure ...", "Save all plots as PDF, SVG or PNG.", self._save)
        self.export = button("Save tables ...", "Save all tables as CSV files.", self._export)
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.export)
        self.verdict = text_label("")
        self.summary = text_label("")
        self.in_time = CombinationsPanel(self.home.viewer, self.workspace)
        self.together = CoactivationPanel(self.home.viewer, self.workspace)
        self.units = UnitTable(self.workspace)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.in_time, "Combinations")
        self.tabs.addTab(self.together, "Coactivation")
        self.tabs.addTab(self.units, "Assemblies")
        self.body = QWidget()
        self.body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.verdict)
        column.addWidget(self.summary)
        column.addWidget(self.tabs, 1)
        column.addWidget(AssemblyKey(self.workspace))
        layout = page(self)
        layout.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.body, 1)

        self._when_visible = WhenVisible(self, self._compute)
        follow(self, self.workspace.recording_changed, self._reset)
        follow(self, self.workspace.trained_changed, self._reset)
        self._reset()

    # --- computing --------------------------------------------------------------------------

    def _reset(self) -> None:
        self._cancel.set()
        self.states, self._asked_for = None, None
        self.in_time.clear()
        self.together.clear()
        recording, trained = self.workspace.recording, self.workspace.trained
        self.message.setText(_NO_RECORDING if recording is None else _NO_MODEL)
        self.message.setVisible(recording is None or trained is None)
        self.body.hide()
        self.bar.hide()
        self._when_visible.request()

    def _compute(self) -> None:
        """Compute the states once, when the dock is visible."""
        recording, trained = self.workspace.recording, self.workspace.trained
        if recording is None or trained is None or self._asked_for is trained:
            return
        self._asked_for = trained
        cancel = self._cancel = threading.Event()

        def work(report: Callable[[int, int], None]) -> Any:
            from napari_crbm.analysis import brain_states

            checked = cancellable(report, cancel)
            try:
                found: BrainStates | str | None = brain_states(
                    trained.model,
                    recording,
                    trained.activity,
                    evidence=trained.evidence,
                    report=checked,
                )
            except Cancelled:
                found = None
            except ModelError as error:
                # Too few assemblies: no fault, but what there is to say.
                found = str(error)
            return trained, found

        self.message.setText("Computing combinations of assemblies ...")
        self.message.show()
        self.bar.show()
        self.bar.setRange(0, 0)
        job = self.home.run("Computing states", work, self._show, self._failed, owner=self)
        job.progressed.connect(self._on_job)

    def _on_job(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _failed(self) -> None:
        self.bar.hide()
        self.message.setText("The combinations of these assemblies could not be computed.")

    # --- what is shown ----------------------------------------------------------------------

    def _show(self, result: tuple[Any, BrainStates | str | None]) -> None:
        trained, states = result
        if states is None or trained is not self.workspace.trained:
            return
        self.bar.hide()
        if isinstance(states, str):
            self.message.setText(states)
            return
        self.states = states
        self.message.hide()
        self.body.show()
        self.verdict.setText(f"<b>{states.composition.verdict}</b>")
        self.summary.setText(states.summary)
        for panel in (self.in_time, self.together, self.units):
            panel.show_states(states)

    # --- export -----------------------------------------------------------------------------

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save figure", "states.pdf", "Figures (*.pdf *.svg *.png)"
        )
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Draw all plots to a file, in the background."""
        states, recording = self.states, self.workspace.recording

        def work(_report: Callable[[int, int], None]) -> Path:
            from napari_crbm.figures import save_figure, states_page

            assert states is not None
            return save_figure(states_page(states, recording), path)

        self.home.run(f"Drawing {path.name}", work, lambda saved: show_info(f"Wrote {saved}."))

    def _export(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the tables")
        if folder:
            self.export_to(Path(folder))

    def export_to(self, folder: Path) -> None:
        """Write all tables into a folder, in the background."""
        states = self.states

        def work(_report: Callable[[int, int], None]) -> list[Path]:
            from napari_crbm.analysis import export_states

            assert states is not None
            return export_states(states, folder)

        self.home.run(
            "Writing tables",
            work,
            lambda paths: show_info(f"Wrote {len(paths)} tables to {folder}."),
        )
