"""Quantities by which all neurons can be coloured, in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_crbm.palette import CONTEXT, DARK, Palette, weight_limit
from napari_crbm.viewer.state.colouring import Colouring

if TYPE_CHECKING:
    from napari_crbm.recording import Recording
    from napari_crbm.viewer.state.workspace import Workspace

_ALPHA = 0.8
_RAMP = 64
#: Activity is averaged over about this share of the recording to find when it peaks.
_PEAK_SHARE = 0.01
_PEAK_BINS = 400

#: Kind of the colours of the Statistics dock.
RECONSTRUCTION = "reconstruction"


def by_values(
    kind: str,
    title: str,
    values: NDArray[np.floating],
    *,
    pattern: str = "{:.3g}",
    top: float | None = None,
    bottom: float = 0.0,
    palette: Palette = DARK,
) -> Colouring:
    """Colour neurons by values (N,) without sign; neurons without a value stay dim.

    The colour bar ends at the 99th percentile unless ``top`` is given.
    """
    from matplotlib import colormaps

    known = np.isfinite(values)
    if top is None:
        top = float(np.quantile(values[known], 0.99)) if known.any() else 1.0
    top = max(top, bottom + 1e-12)
    place = np.clip((np.nan_to_num(values) - bottom) / (top - bottom), 0, 1)
    ramp = colormaps[palette.values_map]
    colours = ramp(place).astype(np.float32)
    colours[:, 3] = _ALPHA
    colours[~known] = CONTEXT
    again = partial(by_values, kind, title, values, pattern=pattern, top=top, bottom=bottom)
    return Colouring(
        kind,
        title,
        colours,
        values,
        pattern.format(bottom),
        pattern.format(top),
        ramp(np.linspace(0, 1, _RAMP)),
        lambda other: again(palette=other),
    )


def by_signed(
    kind: str, title: str, values: NDArray[np.floating], palette: Palette = DARK
) -> Colouring:
    """Colour neurons by signed values (N,): orange above zero, blue below, dim near it."""
    limit = weight_limit(values[values != 0])
    colours = palette.weights(values, limit)
    colours[:, 3] = 0.06 + 0.9 * np.clip(np.abs(values) / max(limit, 1e-12), 0, 1)
    ramp = palette.weights(np.linspace(-1, 1, _RAMP), 1.0)
    again = partial(by_signed, kind, title, values)
    return Colouring(kind, title, colours, values, f"-{limit:.2g}", f"+{limit:.2g}", ramp, again)


def by_activity(workspace: Workspace) -> Colouring:
    """Colour neurons by the share of frames in which they are active."""
    assert workspace.recording is not None
    values = 100 * workspace.recording.spikes.mean_activity
    return by_values("activity", "Active frames (%)", values, palette=workspace.palette)


def by_region(workspace: Workspace) -> Colouring:
    """Colour neurons by the smallest region they are in; ticked regions take precedence."""
    recording, view = workspace.recording, workspace.region_view
    assert recording is not None
    colours = np.tile(np.array([CONTEXT], dtype=np.float32), (recording.n_neurons, 1))
    if view.regions is not None:
        # Later colours overwrite earlier ones: ticked regions last, small ones after large ones.
        for index in np.lexsort((-view.regions.counts, view.ticked)):
            colours[view.regions.members(view.regions.names[index])] = view.colours[index]
        inside = view.regions.labelled
        colours[inside, 3] = _ALPHA
    return Colouring("region", "Smallest region of the neuron", colours)


def by_memberships(workspace: Workspace) -> Colouring:
    """Colour neurons by the number of assemblies they belong to."""
    assert workspace.trained is not None
    counts = workspace.trained.members.inside.sum(axis=1).astype(np.float64)
    top = max(1.0, float(np.quantile(counts, 0.99)))
    values = np.where(counts > 0, counts, np.nan)
    return by_values(
        "memberships",
        "Assemblies of the neuron",
        values,
        pattern="{:.0f}",
        top=top,
        palette=workspace.palette,
    )


def by_reconstruction(workspace: Workspace) -> Colouring:
    """Colour neurons by how well the model reconstructs their activity."""
    from napari_crbm.analysis import reconstruction_nllh

    assert workspace.recording is not None and workspace.trained is not None
    quality = reconstruction_nllh(workspace.trained.model, workspace.recording.spikes)
    return reconstruction_colouring(quality, workspace.palette)


def reconstruction_colouring(quality: NDArray[np.floating], palette: Palette = DARK) -> Colouring:
    """Colour neurons by reconstruction quality (N,), see `analysis.reconstruction_nllh`."""
    return by_values(RECONSTRUCTION, "Reconstruction (1: perfect)", quality, palette=palette)


def by_peak_time(workspace: Workspace) -> Colouring:
    """Colour neurons by the time of their highest activity."""
    recording = workspace.recording
    assert recording is not None
    return by_values(
        "time",
        "Time of highest activity (s)",
        peak_times(recording) - recording.times[0],
        pattern="{:.0f}",
        top=recording.duration_s,
        palette=workspace.palette,
    )


def peak_times(recording: Recording) -> NDArray[np.float64]:
    """Return the time in seconds at which each neuron's smoothed activity is highest, (N,).

    Activity is counted in at most 400 bins of equal length and smoothed with a Gaussian
    of about a hundredth of the recording; NaN for a neuron that is never active.
    """
    starts, active = recording.spikes.by_frame
    n_frames, n_neurons = recording.spikes.shape
    n_bins = min(_PEAK_BINS, n_frames)
    bin_of_frame = np.arange(n_frames) * n_bins // n_frames
    bin_of_event = np.repeat(bin_of_frame, np.diff(starts))
    counts = np.bincount(bin_of_event * n_neurons + active, minlength=n_bins * n_neurons)
    counts = counts.reshape(n_bins, n_neurons)
    smooth = gaussian_filter1d(counts.astype(np.float32), _PEAK_SHARE * n_bins, axis=0)
    middle = np.array([recording.times[bin_of_frame == b].mean() for b in range(n_bins)])
    return np.where(counts.any(axis=0), middle[smooth.argmax(axis=0)], np.nan)


#: Name in the list, function, whether a model is needed, whether regions are.
KINDS: dict[str, tuple[str, Callable[[Workspace], Colouring], bool, bool]] = {
    "region": ("region", by_region, False, True),
    "activity": ("mean activity", by_activity, False, False),
    "time": ("time of highest activity", by_peak_time, False, False),
    "memberships": ("number of assemblies", by_memberships, True, False),
    "reconstruction": ("reconstruction quality", by_reconstruction, True, False),
}
