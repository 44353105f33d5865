"""The health of a recording as one report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_crbm.analysis.health.finding import Finding
from napari_crbm.analysis.health.frames import frame_findings
from napari_crbm.analysis.health.left_out import left_out_findings
from napari_crbm.analysis.health.neurons import neuron_findings
from napari_crbm.analysis.health.positions import position_findings
from napari_crbm.analysis.health.time import time_findings
from napari_crbm.analysis.health.traces import trace_findings
from napari_crbm.recording import Recording


@dataclass(frozen=True)
class Health:
    """All findings of a recording, problems first.

    Parameters
    ----------
    findings : tuple of Finding
    """

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Findings that should be fixed before a training."""
        return tuple(each for each in self.findings if each.severity == "problem")

    def as_dict(self) -> list[dict[str, Any]]:
        """Return plain values for JSON."""
        return [each.as_dict() for each in self.findings]

    def __str__(self) -> str:
        if not self.findings:
            return "Nothing doubtful was found."
        return "\n".join(each.sentences() for each in self.findings)


def recording_health(recording: Recording, *, traces: bool = True) -> Health:
    """Check a recording for possible problems.

    Parameters
    ----------
    recording : Recording
    traces : bool
        Whether to read the fluorescence, of which recordings of more than 50 million values
        are sampled.

    Examples
    --------
    >>> import napari_crbm as crbm
    >>> from napari_crbm.analysis import recording_health
    >>> health = recording_health(crbm.open("fish.h5"))
    >>> [each.kind for each in health.problems]
    []
    """
    found = [
        *neuron_findings(recording.spikes),
        *frame_findings(recording.spikes),
        *time_findings(recording),
        *position_findings(recording),
        *left_out_findings(recording),
    ]
    if traces and recording.fluorescence is not None:
        found += trace_findings(recording.fluorescence)
    return Health(tuple(sorted(found, key=lambda each: each.severity != "problem")))
