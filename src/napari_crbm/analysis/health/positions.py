"""Positions that are missing, shared or assumed, and neighbours with optical crosstalk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.evidence.crosstalk import MOST_UM, crosstalk_distance_um
from napari_crbm.analysis.evidence.windows import Windows
from napari_crbm.analysis.health.finding import Finding, neurons_that
from napari_crbm.recording import Recording

# Share of the recording in a window in which slow drifts are removed, and its fewest frames.
_WINDOW_SHARE, _SHORTEST_WINDOW = 0.05, 20


def position_findings(recording: Recording) -> list[Finding]:
    """Check the positions of the neurons."""
    if recording.coordinates is None:
        return [
            Finding(
                "positions",
                "The positions of the neurons are not known.",
                recording.n_neurons,
                done="Everything that needs them is left out.",
                remedy="Put a table of cells with columns x, y, z beside the file.",
                severity="note",
            )
        ]
    return [*_missing(recording), *_shared(recording), *_alike(recording)]


def _missing(recording: Recording) -> list[Finding]:
    return neurons_that(
        "has no position",
        "have no position",
        np.flatnonzero(~recording.located),
        "missing positions",
        (
            "It is kept, and left out of everything that needs a position.",
            "They are kept, and left out of everything that needs a position.",
        ),
        "note",
    )


def shared_positions(positions: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the neurons at exactly the position of another; unknown positions do not count."""
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    _, inverse, counts = np.unique(
        positions[known], axis=0, return_inverse=True, return_counts=True
    )
    return np.asarray(known[counts[np.ravel(inverse)] > 1])


def _shared(recording: Recording) -> list[Finding]:
    # Along one axis, such as the depth on a probe, neurons share places.
    if len(recording.known_axes) < 2:
        return []
    shared = shared_positions(recording.positions)
    _, first = np.unique(recording.positions[shared], axis=0, return_index=True)
    if _from_spike_times(recording):
        # Units that are recorded with one electrode have its position.
        return neurons_that(
            "lies where another does, on the same electrode",
            "lie where others do, on the same electrodes",
            shared,
            "shared positions",
            severity="note",
            leave_out=(),
        )
    return neurons_that(
        "lies exactly where another does",
        "lie exactly where another does",
        shared,
        "duplicate positions",
        remedy="Check that no cell is listed twice; the first at each place is kept if you leave "
        "out the others.",
        leave_out=np.delete(shared, first).tolist(),
    )


def _alike(recording: Recording) -> list[Finding]:
    if recording.n_frames < 2 or not recording.spikes.frame_counts.any():
        return []
    longest = max(int(_WINDOW_SHARE * recording.n_frames), _SHORTEST_WINDOW)
    frames = np.arange(recording.n_frames)
    windows = Windows.of(recording.spikes, frames, longest, recording.frame_numbers)
    distance = crosstalk_distance_um(windows, recording.positions)
    if not distance:
        return []
    assumed = " (with the assumed size of a pixel)" if _pixel_is_assumed(recording) else ""
    if _from_spike_times(recording):
        reason = "spikes of one may be counted for the other"
        remedy = "Check the spike sorting of close units."
    else:
        reason = "light of one may reach the other"
        remedy = "Subtract the neuropil before the activity is binarised."
    return [
        Finding(
            "close neighbours",
            f"Neurons closer than {distance:g} um{assumed} are more alike than neurons farther "
            f"apart than {2 * MOST_UM:g} um: {reason}.",
            recording.n_neurons,
            done="The evidence for assemblies leaves out pairs this close.",
            remedy=remedy,
            severity="note",
        )
    ]


def _from_spike_times(recording: Recording) -> bool:
    return any(step.name == "bin spike times" for step in recording.provenance)


def _pixel_is_assumed(recording: Recording) -> bool:
    return any(
        "assumed" in str(step.parameters.get("um_per_pixel", "")) for step in recording.provenance
    )
