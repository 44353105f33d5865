"""Assemblies as tables: who belongs to them, where they lie, how often they are active.

Numbers are taken from the weights, the positions and the expected hidden activity
E[h | v]; nothing here depends on how the model was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, ward
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import squareform

from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM

#: A neuron is a member of an assembly if its weight exceeds this fraction of the
#: assembly's largest (both absolute). The sparse penalty sets most other weights to exactly
#: zero; the fraction removes the weak remainder, whatever the scale of the weights.
MEMBERSHIP_FRACTION = 0.2

#: Smaller regions are left out when the share of regions is computed: corrected for size,
#: a region of two neurons would win by chance (paper, Methods: at least five neurons).
MIN_REGION_NEURONS = 5

_MIDLINE_BIN_UM = 2.0
_MIDLINE_ROW_UM = 20.0
_MIDLINE_BLUR_UM = 10.0
# Density at the edge of the filled area, relative to that around a typical neuron.
_MIDLINE_LEVEL = 0.2


def membership(
    weights: NDArray[np.floating], threshold: float | NDArray[np.floating] | None = None
) -> NDArray[np.bool_]:
    """Which neurons belong to which assembly, (N, M) bool for weights (N, M).

    Parameters
    ----------
    weights : (N, M) float array
    threshold : float or (M,) array, optional
        Members have ``|w| > threshold``. By default the threshold is
        `MEMBERSHIP_FRACTION` of the largest ``|w|`` of every assembly.
    """
    if threshold is None:
        threshold = membership_thresholds(weights)
    return np.asarray(np.abs(weights) > threshold)


def membership_thresholds(weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """``|w|`` that members of each assembly exceed, (M,) for weights (N, M)."""
    largest = np.maximum(weights.max(axis=0), -weights.min(axis=0))
    return np.asarray(MEMBERSHIP_FRACTION * largest)


def members(
    weights_column: NDArray[np.floating], threshold: float | None = None
) -> NDArray[np.int64]:
    """Neurons of one assembly, ascending, from its weights (N,); see `membership`."""
    return np.flatnonzero(membership(weights_column, threshold)).astype(np.int64)


def midline_x(coordinates_um: NDArray[np.floating]) -> float:
    """Find the x about which the brain is most nearly its own mirror image, in um.

    The area that neurons fill in a dorsal view is convolved with itself along x; the
    maximum lies at twice the axis of symmetry. Unlike the median of x this does not
    move when one side holds more neurons than the other.

    Parameters
    ----------
    coordinates_um : (N, 3) float array
        Axes z, y, x.
    """
    plane = coordinates_um[:, 1:].astype(np.float64)
    low = plane.min(axis=0)
    bins = (_MIDLINE_ROW_UM, _MIDLINE_BIN_UM)
    place = tuple(((plane - low) // bins).astype(np.int64).T)
    density = np.zeros([int(index.max()) + 1 for index in place])
    np.add.at(density, place, 1.0)
    spacing = np.sqrt(np.prod(np.ptp(plane, axis=0)) / len(plane))
    blur = max(_MIDLINE_BLUR_UM, float(spacing))
    density = gaussian_filter(density, [blur / size for size in bins], mode="constant")
    filled = density > _MIDLINE_LEVEL * np.median(density[place])
    length = 2 * filled.shape[1] - 1
    spectrum = np.fft.rfft(filled, length, axis=1)
    overlap = np.fft.irfft((spectrum**2).sum(axis=0), length)
    return float(low[1] + _MIDLINE_BIN_UM * (overlap.argmax() + 1) / 2)


def region_occupancy(
    weights: NDArray[np.floating], regions: Regions, min_neurons: int = MIN_REGION_NEURONS
) -> NDArray[np.float64]:
    r"""Share of every region in every assembly, (R, M); columns sum to one.

    The summed :math:`|w|` of a region's neurons is divided by their number and the
    result normalised per assembly, as in the reference analysis. Regions of fewer than
    ``min_neurons`` neurons get zero, and so does an assembly without labelled members.
    """
    counts = regions.counts
    total = regions.membership.T.astype(np.float64) @ np.abs(weights).astype(np.float64)
    mean = total / np.maximum(counts, 1)[:, None]
    mean[counts < min_neurons] = 0.0
    norm = mean.sum(axis=0)
    return np.asarray(np.divide(mean, norm, out=np.zeros_like(mean), where=norm > 0))


def active_threshold(activity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Activity above which an assembly counts as active, (M,) for activity (T, M).

    The frames of every assembly are divided in two at the value that leaves the
    smallest spread within both groups (exact two-means); the threshold lies midway
    between the means of the groups. Constant activity has threshold +inf: never active.
    """
    ordered = np.sort(np.asarray(activity, dtype=np.float64), axis=0)
    n_frames = len(ordered)
    if n_frames < 2:
        return np.full(ordered.shape[1], np.inf)
    below = np.arange(1, n_frames)[:, None]
    sums = np.cumsum(ordered, axis=0)
    mean_low = sums[:-1] / below
    mean_high = (sums[-1] - sums[:-1]) / (n_frames - below)
    separation = below * (n_frames - below) * (mean_high - mean_low) ** 2
    best = separation.argmax(axis=0)
    units = np.arange(ordered.shape[1])
    threshold = (mean_low[best, units] + mean_high[best, units]) / 2
    return np.where(ordered[-1] > ordered[0], threshold, np.inf)


def assembly_table(
    model: CRBM,
    recording: Recording,
    activity: NDArray[np.floating] | None = None,
    *,
    assemblies: NDArray[np.integer] | Sequence[int] | None = None,
    threshold: float | None = None,
) -> pd.DataFrame:
    """One row an assembly: size, place, sign and activity.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The recording the model was trained on, or one of the same neurons.
    activity : (T, M) float array, optional
        ``model.transform(recording.spikes)``; computed if not given.
    assemblies : sequence of int, optional
        Rows of the table; all by default.
    threshold : float, optional
        Absolute weight above which a neuron is a member; see `membership`.

    Returns
    -------
    pandas.DataFrame
        Index ``assembly`` (column of the weights, from 0), columns

        - ``size``: members;
        - ``mean_activity``: fraction of frames in which the assembly is active, that
          is above `active_threshold`;
        - ``mean_abs_weight``, ``max_abs_weight``: of the members;
        - ``fraction_positive``: members with positive weight;
        - ``region``, ``region_fraction``: the region with the largest share and that
          share (see `region_occupancy`; members only); empty and NaN without regions;
        - ``n_regions``: effective number of regions, ``(sum p^2)^2 / sum p^4`` over the
          shares p (paper Eq. 19 times the number of regions);
        - ``laterality``: share of ``|w|`` right minus left of the midline, -1 to +1;
        - ``z_um, y_um, x_um``: centroid weighted with ``|w|``;
        - ``compactness_um``: median distance of the members to that centroid;
        - ``reproducibility``: likeness to its partners in other models, where the model
          knows it (see `napari_crbm.analysis.reproducibility`).

        Places are NaN for an assembly without members.

    Raises
    ------
    ModelError
        If model, recording and activity do not belong together.
    """
    _check_same_neurons(model.weights_, recording)
    if activity is None:
        activity = model.transform(recording.spikes)
    if activity.shape[1] != model.n_assemblies:
        raise ModelError(
            f"The activity has {activity.shape[1]} assemblies, the model {model.n_assemblies}: "
            "compute it with model.transform(recording.spikes)."
        )
    chosen = _chosen(model, assemblies)
    weights, activity = model.weights_[:, chosen], activity[:, chosen]
    inside = membership(weights, threshold)
    strength = np.where(inside, np.abs(weights), 0.0).astype(np.float64)
    size = inside.sum(axis=0)
    some = size > 0
    total = np.where(some, strength.sum(axis=0), np.nan)
    per_member = np.where(some, size, np.nan)

    x = recording.coordinates[:, 2]
    side = np.sign(x - midline_x(recording.coordinates))
    centroid = (strength.T @ recording.coordinates.astype(np.float64)) / total[:, None]
    region, fraction, n_regions = _dominant_regions(strength, recording.regions)
    table = pd.DataFrame(
        {
            "size": size,
            "mean_activity": (activity > active_threshold(activity)).mean(axis=0),
            "mean_abs_weight": strength.sum(axis=0) / per_member,
            "max_abs_weight": np.abs(weights).max(axis=0),
            "fraction_positive": (inside & (weights > 0)).sum(axis=0) / per_member,
            "region": region,
            "region_fraction": fraction,
            "n_regions": n_regions,
            "laterality": (side @ strength) / total,
            "z_um": centroid[:, 0],
            "y_um": centroid[:, 1],
            "x_um": centroid[:, 2],
            "compactness_um": [
                _spread(recording.coordinates[inside[:, unit]], centroid[unit])
                for unit in range(len(chosen))
            ],
        },
        index=chosen,
    )
    table.index.name = "assembly"
    if model.reproducibility_ is not None:
        table["reproducibility"] = model.reproducibility_[chosen]
    return table


def member_table(
    model: CRBM,
    recording: Recording,
    assemblies: NDArray[np.integer] | Sequence[int] | None = None,
    *,
    threshold: float | None = None,
) -> pd.DataFrame:
    """One row for every pair of an assembly and a member neuron, strongest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``assembly, neuron, weight, z_um, y_um, x_um, regions``; the names of
        overlapping regions are joined with ``"; "``.
    """
    _check_same_neurons(model.weights_, recording)
    chosen = _chosen(model, assemblies)
    inside = membership(model.weights_[:, chosen], threshold)
    column, neuron = np.nonzero(inside.T)
    weight = model.weights_[neuron, chosen[column]]
    order = np.lexsort((neuron, -np.abs(weight), column))
    neuron, column, weight = neuron[order], column[order], weight[order]
    z, y, x = recording.coordinates[neuron].T
    names = _region_names(recording)
    return pd.DataFrame(
        {
            "assembly": chosen[column],
            "neuron": neuron,
            "weight": weight,
            "z_um": z,
            "y_um": y,
            "x_um": x,
            "regions": names[neuron],
        }
    )


def assemblies_of_neuron(
    model: CRBM, neuron: int, *, threshold: float | NDArray[np.floating] | None = None
) -> pd.DataFrame:
    """Assemblies of one neuron, strongest ``|w|`` first; exact zeros are left out.

    Parameters
    ----------
    model : CRBM
    neuron : int
    threshold : float or (M,) array, optional
        Members have ``|w| > threshold``; by default that of `membership`.

    Returns
    -------
    pandas.DataFrame
        Columns ``assembly, weight, is_member`` (see `membership`).

    Raises
    ------
    ModelError
        If there is no such neuron.
    """
    if not 0 <= neuron < model.n_neurons:
        raise ModelError(
            f"There is no neuron {neuron}: the model's neurons are 0 to {model.n_neurons - 1}."
        )
    weights = model.weights_
    size = np.abs(weights[neuron])
    if threshold is None:
        threshold = membership_thresholds(weights)
    order = np.argsort(-size, kind="stable")
    order = order[size[order] > 0]
    return pd.DataFrame(
        {
            "assembly": order,
            "weight": weights[neuron, order],
            "is_member": (size > threshold)[order],
        }
    )


def sort_by_similarity(activity: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order of assemblies that puts those of similar activity side by side.

    Correlation distance between columns of the activity (T, M), Ward linkage, order of
    the leaves, as in the paper. Constant columns correlate with nothing and come last.
    """
    values = np.asarray(activity, dtype=np.float64)
    varying = np.flatnonzero(np.ptp(values, axis=0) > 0)
    constant = np.setdiff1d(np.arange(values.shape[1]), varying)
    if len(varying) > 1:
        distance = np.asarray(1.0 - np.corrcoef(values[:, varying], rowvar=False))
        np.fill_diagonal(distance, 0.0)
        condensed = squareform(np.maximum(distance, 0.0), checks=False)
        varying = varying[leaves_list(ward(condensed))]
    return np.concatenate([varying, constant]).astype(np.int64)


def _check_same_neurons(weights: NDArray[np.floating], recording: Recording) -> None:
    if len(weights) != recording.n_neurons:
        raise ModelError(
            f"The model describes {len(weights):,} neurons, recording '{recording.name}' has "
            f"{recording.n_neurons:,}: use the recording the model was trained on."
        )


def _chosen(
    model: CRBM, assemblies: NDArray[np.integer] | Sequence[int] | None
) -> NDArray[np.int64]:
    """Check the numbers of the chosen assemblies; all of them for None."""
    if assemblies is None:
        return np.arange(model.n_assemblies)
    chosen = np.asarray(assemblies, dtype=np.int64)
    wrong = chosen[(chosen < 0) | (chosen >= model.n_assemblies)]
    if len(wrong):
        raise ModelError(
            f"There is no assembly {wrong[0]}: the model's assemblies are 0 to "
            f"{model.n_assemblies - 1}."
        )
    return chosen


def _dominant_regions(
    strength: NDArray[np.float64], regions: Regions | None
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    n_units = strength.shape[1]
    if regions is None or not regions.names:
        return [""] * n_units, np.full(n_units, np.nan), np.full(n_units, np.nan)
    share = region_occupancy(strength, regions)
    labelled = share.sum(axis=0) > 0
    best = share.argmax(axis=0)
    fraction = np.where(labelled, share.max(axis=0), np.nan)
    squares = np.where(labelled, (share**2).sum(axis=0), np.nan)
    n_regions = squares**2 / np.where(labelled, (share**4).sum(axis=0), np.nan)
    names = [regions.names[r] if known else "" for r, known in zip(best, labelled, strict=True)]
    return names, fraction, n_regions


def _region_names(recording: Recording) -> NDArray[np.object_]:
    """Names of the regions of every neuron, joined, (N,)."""
    joined = np.full(recording.n_neurons, "", dtype=object)
    if recording.regions is not None:
        for name in recording.regions.names:
            inside = recording.regions.members(name)
            joined[inside] = [f"{known}; {name}" if known else name for known in joined[inside]]
    return joined


def _spread(coordinates: NDArray[np.float32], centroid: NDArray[np.float64]) -> float:
    if not len(coordinates):
        return float("nan")
    return float(np.median(np.linalg.norm(coordinates - centroid, axis=1)))
