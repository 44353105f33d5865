"""What was left out or assumed while a recording was read, from its provenance."""

from __future__ import annotations

from napari_crbm.analysis.health.finding import Finding, counted
from napari_crbm.recording import Recording

_SIZES = {"um_per_pixel": "--um-per-pixel", "plane_spacing_um": "--plane-spacing-um"}


def left_out_findings(recording: Recording) -> list[Finding]:
    """Return rejected cells, frames that were left out, and assumed sizes."""
    found = []
    for step in recording.provenance:
        values = step.parameters
        rejected = values.get("cells_rejected")
        if isinstance(rejected, int) and rejected > 0:
            found.append(
                _note(
                    "rejected cells",
                    f"{counted(rejected, 'cell', 'cells')} that the imaging program rejected "
                    f"{_were(rejected)} left out.",
                    rejected,
                )
            )
        kept, of = values.get("kept"), values.get("of")
        if step.name == "select neurons" and isinstance(kept, int) and isinstance(of, int):
            why = f" ({values['why']})" if values.get("why") else ""
            text = f"{of - kept:,} of {of:,} neurons {_were(of - kept)} left out{why}."
            found.append(_note("selected neurons", text, of - kept))
        if step.name == "leave out bad frames":
            count = int(values.get("count", 0))
            of_all = int(values.get("of", 0))
            text = f"{count:,} of {of_all:,} frames {_were(count)} marked as bad and left out."
            found.append(_note("bad frames", text, count))
        for name, option in _SIZES.items():
            size = str(values.get(name, ""))
            if not size.endswith("(assumed)"):
                continue
            if name == "plane_spacing_um" and "z" not in recording.known_axes:
                continue
            what = "The size of a pixel" if name == "um_per_pixel" else "The distance of planes"
            found.append(
                Finding(
                    "assumed size",
                    f"{what} is not stored in the file.",
                    recording.n_neurons,
                    done=f"{size.partition(' ')[0]} um is assumed.",
                    remedy=f"Give {option}.",
                    severity="note",
                )
            )
    return found


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _note(kind: str, text: str, count: int) -> Finding:
    return Finding(kind, text, count, severity="note")
