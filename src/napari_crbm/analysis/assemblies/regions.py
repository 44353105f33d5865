"""Anatomical position of assemblies: their share in each region, and the midline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_crbm.regions import Regions

#: Smaller regions are left out when the share of regions is computed: corrected for size,
#: a region of two neurons would win by chance (paper, Methods: at least five neurons).
MIN_REGION_NEURONS = 5
#: A region is part of another one if at least this share of its neurons lies in it.
CONTAINED = 0.95
#: Regions that hold at least this share of the neurons of a larger one name its place.
DIVIDED = 0.8

_MIDLINE_BIN_UM = 2.0
_MIDLINE_ROW_UM = 20.0
_MIDLINE_BLUR_UM = 10.0
# Density at the edge of the filled area, relative to that around a typical neuron.
_MIDLINE_LEVEL = 0.2


def midline_x(coordinates_um: NDArray[np.floating]) -> float:
    """Find the x about which the brain is most nearly its own mirror image, in um.

    The area that neurons fill in a dorsal view is convolved with itself along x; the
    maximum lies at twice the axis of symmetry. Unlike the median of x this does not
    move when one side holds more neurons than the other.

    Parameters
    ----------
    coordinates_um : (N, 3) float array
        Axes z, y, x; rows that are not finite are left out.

    Returns
    -------
    float
        NaN if no positions are known, or all have the same x.
    """
    plane = coordinates_um[np.isfinite(coordinates_um).all(axis=1), 1:].astype(np.float64)
    if not len(plane) or not np.ptp(plane[:, 1]) > 0:
        return float("nan")
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
    r"""Compute the share of each region in each assembly, (R, M); columns sum to one.

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


def naming_regions(regions: Regions) -> NDArray[np.bool_]:
    """Mark the regions that name a place: the most specific ones, none inside another, (R,).

    Atlases with several levels count a neuron for each of them. A region lies inside another
    one if at least `CONTAINED` of its neurons do. Where the regions inside a region hold at
    least `DIVIDED` of its neurons they name the place ("Rhombomere 2", not "Hindbrain");
    otherwise the region itself does, and those inside it are details that do not count
    beside it. A region that holds `CONTAINED` of all neurons names nothing if others lie
    inside it.
    """
    counts, n_regions = regions.counts, len(regions.names)
    belongs = regions.membership.tocsr().astype(np.float64)
    shared = (belongs.T @ belongs).toarray()
    order = np.arange(n_regions)
    # Of two names for the same neurons the later one counts: atlases list parents first.
    smaller = (counts[None, :] < counts[:, None]) | (
        (counts[None, :] == counts[:, None]) & (order[None, :] > order[:, None])
    )
    filled = counts > 0
    inside = smaller & filled[None, :] & (shared >= CONTAINED * counts[None, :])
    of_parts = np.asarray((belongs.multiply((belongs @ inside.T) > 0)).sum(axis=0)).ravel()
    whole = of_parts < DIVIDED * counts
    everything = (counts >= CONTAINED * regions.n_neurons) & inside.any(axis=1)
    whole &= ~everything
    return np.asarray(whole & filled & ~(inside & whole[:, None]).any(axis=0))


def region_shares(inside: NDArray[np.bool_], regions: Regions) -> NDArray[np.float64]:
    """Compute the share of the members of each assembly that lie in each region, (R, M).

    Only regions that name a place count (see `naming_regions`); others get zero. Shares of an
    assembly need not sum to one: members may lie in no region or in several.

    Parameters
    ----------
    inside : (N, M) bool
        Members of each assembly.
    regions : Regions
    """
    count = np.asarray(regions.membership.T.astype(np.float64) @ inside.astype(np.float64))
    count[~naming_regions(regions)] = 0.0
    return np.asarray(count / np.maximum(inside.sum(axis=0), 1))


def region_in_words(region: str, fraction: float) -> str:
    """Return a region with the share of an assembly's members in it: "Optic tectum R 43 %"."""
    if not region:
        return ""
    return f"{region} {100 * fraction:.0f} %" if fraction >= 0.005 else f"{region} < 1 %"
