"""Possible problems of the open recording, and buttons that leave out what causes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_crbm.analysis import Finding, Health, recording_health
from napari_crbm.analysis.health.mend import leaving_out
from napari_crbm.preprocessing import preprocess
from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.parts.option_words import in_words_of_the_viewer
from napari_crbm.viewer.parts.style import button, text_label


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
        #: One for each finding that leaving out neurons or frames mends.
        self.leave_out_buttons: list[QPushButton] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self._buttons = QVBoxLayout()
        layout.addLayout(self._buttons)
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
            ("\N{WARNING SIGN} " if each.severity == "problem" else "") + _in_words(each)
            for each in health.findings
        ]
        self.text.setText("\n\n".join(lines) or str(health))
        for old in self.leave_out_buttons:
            old.deleteLater()
        self.leave_out_buttons = [self._button(each) for each in health.findings if each.leave_out]
        for control in self.leave_out_buttons:
            self._buttons.addWidget(control)
        self.show()

    def _button(self, finding: Finding) -> QPushButton:
        n = len(finding.leave_out)
        return button(
            f"Leave out {n:,} {finding.of[:-1] if n == 1 else finding.of}: {finding.kind}",
            f"{finding.text}\nThe file is not changed; the step is recorded in the provenance.",
            lambda: self._leave_out(finding),
        )

    def _leave_out(self, finding: Finding) -> None:
        recording = self._recording
        if recording is None:
            return
        steps = leaving_out([finding])
        what = f"Leaving out {finding.of}"
        self._run(what, lambda _report: preprocess(recording, steps), self._show)


def _in_words(finding: Finding) -> str:
    """Return a finding without the command that leaves something out: a button does that."""
    parts = (finding.text, finding.done, finding.remedy)
    return in_words_of_the_viewer(" ".join(part for part in parts if part))
