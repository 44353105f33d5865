"""Leave out the neurons and frames that a finding names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from napari_crbm.analysis.health.finding import Finding, runs
from napari_crbm.analysis.health.report import Health
from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing.steps import Steps


def leaving_out(findings: Iterable[Finding], steps: Steps | None = None) -> Steps:
    """Return steps that leave out what findings name, and keep the spikes.

    Parameters
    ----------
    findings : iterable of Finding
    steps : Steps, optional
        Steps to which this is added.
    """
    steps = Steps(method="keep") if steps is None else steps
    gone: dict[str, set[int]] = {"neurons": set(), "frames": set()}
    for each in findings:
        gone.setdefault(each.of, set()).update(each.leave_out)
    neurons, frames = (tuple(runs(sorted(gone[of]))) for of in ("neurons", "frames"))
    return replace(
        steps,
        drop_frames=(*steps.drop_frames, *frames),
        drop_neurons=(*steps.drop_neurons, *neurons),
    )


def named_findings(health: Health, kinds: Sequence[str]) -> list[Finding]:
    """Return the findings of the named kinds, which must be mended by leaving something out.

    Raises
    ------
    RecordingError
        If a kind was not found, or cannot be mended by leaving out neurons or frames.
    """
    possible = {each.kind: each for each in health.findings if each.leave_out}
    for kind in kinds:
        if kind not in possible:
            names = ", ".join(f"'{name}'" for name in possible) or "nothing"
            raise RecordingError(
                f"The recording has no '{kind}' that could be left out; it has {names}."
            )
    return [possible[kind] for kind in kinds]
