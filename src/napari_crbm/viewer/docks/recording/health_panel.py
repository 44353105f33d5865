"""Possible problems of the open recording, and a button that removes unusable neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_crbm.analysis import Health, recording_health
from napari_crbm.analysis.health.neurons import ALWAYS_ACTIVE
from napari_crbm.preprocessing import Steps, preprocess
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.parts.style import button, text_label

# Findings about neurons that limits of mean activity remove.
_USELESS = ("silent neurons", "always active neurons")


class HealthPanel(QWidget):
    """Findings about a recording, computed in the background.

    Parameters
    ----------
    run : callable
        Runs work in the background; see `napari_crbm.viewer.home.Home.run`.
    show : callable
        Shows a recording instead of the open one.
    """

    def __init__(self, run: Callable[..., Any], show: Callable[[Recording], None]) -> None:
        super().__init__()
        self._run, self._show = run, show
        self._recording: Recording | None = None
        self._checking: Job | None = None
        self.text = text_label("")
        # Names come from files and may contain HTML.
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setAccessibleName("Health of the recording")
        self.leave_out_button = button(
            "Leave out",
            "Leave out neurons that are never or always active. A model cannot use them.\n"
            "The file is not changed; the step is recorded in the provenance.",
            self._leave_out,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.leave_out_button)
        self.hide()

    def check(self, recording: Recording | None) -> None:
        """Compute and show the health of a recording; None hides the panel."""
        self.hide()
        if self._checking is not None:
            self._checking.stop()
        self._recording = recording
        if recording is not None:
            self._checking = Job(lambda _report: recording_health(recording), self)
            self._checking.done.connect(self._show_health)
            self._checking.start()

    def _show_health(self, health: Health) -> None:
        lines = [
            ("\N{WARNING SIGN} " if each.severity == "problem" else "") + each.sentences()
            for each in health.findings
        ]
        self.text.setText("\n\n".join(lines) or str(health))
        useless = sum(each.count for each in health.findings if each.kind in _USELESS)
        noun = "neuron" if useless == 1 else "neurons"
        self.leave_out_button.setText(f"Leave out {useless:,} silent or always active {noun}")
        self.leave_out_button.setVisible(bool(useless))
        self.show()

    def _leave_out(self) -> None:
        recording = self._recording
        if recording is None:
            return
        steps = Steps(
            method="keep",
            min_activity=0.5 / recording.n_frames,
            max_activity=float(np.nextafter(ALWAYS_ACTIVE, 0.0)),
        )
        self._run("Leaving out neurons", lambda _report: preprocess(recording, steps), self._show)
