"""Choose the members of planted assemblies: locally dense, globally sparse, overlapping."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from napari_crbm.regions import Regions

_MIN_SIZE = 8
_MAX_SHARE = 0.12
_SIZE_SPREAD = 0.5
# Ratio of candidate neurons, the nearest ones, to members.
_NEIGHBOURHOOD = 2.5
# Share of assemblies on both sides of the midline, in two places, or with suppressed
# members on the other side; the others are one local group.
_BILATERAL, _DISTANT, _OPPOSED = 0.3, 0.2, 0.2
_STRENGTH_RANGE = (0.6, 1.4)
_RATE_SPREAD = 0.8
#: Smallest correlation of a member with its assembly: five standard errors in 4,000 frames.
MIN_CORRELATION = 0.08
# Baseline of suppressed members relative to the mean: suppression is visible only in neurons
# that are otherwise active.
_SUPPRESSED_RATE = (6.0, 9.0)


@dataclass(frozen=True)
class Planting:
    """Members of K assemblies among N neurons.

    Parameters
    ----------
    strengths : (N, K) sparse float
        Relative strength, 0.6 to 1.4 in magnitude; negative for suppressed members.
    names : tuple of str
        Regions in which each assembly lies.
    """

    strengths: sparse.csc_array
    names: tuple[str, ...]


def plant(
    coordinates: NDArray[np.float32],
    regions: Regions,
    midline_um: float,
    n_assemblies: int,
    rng: np.random.Generator,
    *,
    coverage: float,
    largest: int | None = None,
) -> Planting:
    """Draw assemblies around seeds that spread over the whole brain.

    Parameters
    ----------
    coordinates : (N, 3) float32
        z, y, x in micrometres.
    regions : Regions
    midline_um : float
        x of the plane of symmetry.
    n_assemblies : int
    rng : numpy.random.Generator
    coverage : float
        Assemblies to which a neuron belongs on average, before caps on their size.
    largest : int, optional
        Most members of one assembly.

    Returns
    -------
    Planting
    """
    n_neurons = len(coordinates)
    tree = cKDTree(coordinates)
    sizes = _sizes(n_neurons, n_assemblies, coverage, largest, rng)
    belongs = np.zeros(n_neurons)
    rows, columns, values, labels = [], [], [], []
    for assembly, size in enumerate(sizes):
        members, label = _draw(coordinates, regions, midline_um, tree, belongs, int(size), rng)
        neurons = np.fromiter(members, dtype=np.int64)
        belongs[neurons] += 1
        rows.append(neurons)
        columns.append(np.full(len(neurons), assembly))
        signs = np.fromiter(members.values(), dtype=np.float64)
        values.append(signs * rng.uniform(*_STRENGTH_RANGE, len(neurons)))
        labels.append(label)
    matrix = sparse.csc_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(n_neurons, n_assemblies),
    )
    return Planting(matrix, _unique(labels))


def rate_shape(strengths: sparse.csc_array, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw relative baseline rates, (N,), log-normal and high in suppressed members."""
    n_neurons = strengths.shape[0]
    shape = rng.lognormal(-(_RATE_SPREAD**2) / 2, _RATE_SPREAD, n_neurons)
    suppressed = np.unique(strengths.indices[strengths.data < 0])
    shape[suppressed] = rng.uniform(*_SUPPRESSED_RATE, len(suppressed))
    return np.asarray(shape)


def correlation(
    change: NDArray[np.float64], rate: NDArray[np.float64], duty: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the expected magnitude of the correlation between a member and its assembly.

    Parameters
    ----------
    change : (n,)
        Change of the member's probability to fire when the assembly switches on.
    rate, duty : (n,)
        Mean activity of the member, and fraction of time the assembly is on.
    """
    return np.asarray(np.abs(change) * np.sqrt(duty * (1 - duty) / (rate * (1 - rate))))


def _sizes(
    n_neurons: int,
    n_assemblies: int,
    coverage: float,
    largest: int | None,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw log-normal sizes such that neurons have ``coverage`` memberships on average."""
    wanted = coverage * n_neurons / n_assemblies
    drawn = wanted * rng.lognormal(-(_SIZE_SPREAD**2) / 2, _SIZE_SPREAD, n_assemblies)
    most = max(min(int(_MAX_SHARE * n_neurons), largest or n_neurons), 2)
    return np.clip(drawn.astype(np.int64), min(_MIN_SIZE, most), most)


def _draw(
    coordinates: NDArray[np.float32],
    regions: Regions,
    midline_um: float,
    tree: cKDTree,
    belongs: NDArray[np.float64],
    size: int,
    rng: np.random.Generator,
) -> tuple[dict[int, float], str]:
    """Draw the members of one assembly with their sign, and name the assembly."""
    seed = _seed(belongs, rng)
    mirrored = coordinates[seed].astype(np.float64)
    mirrored[2] = 2 * midline_um - mirrored[2]
    kind = rng.random()
    if kind < _BILATERAL:
        groups = [(coordinates[seed], size // 2, 1.0), (mirrored, size - size // 2, 1.0)]
    elif kind < _BILATERAL + _DISTANT:
        near = int(size * rng.uniform(0.4, 0.7))
        other = coordinates[_seed(belongs, rng)]
        groups = [(coordinates[seed], near, 1.0), (other, size - near, 1.0)]
    elif kind < _BILATERAL + _DISTANT + _OPPOSED:
        opposed = size // 4
        groups = [(coordinates[seed], size - opposed, 1.0), (mirrored, opposed, -1.0)]
    else:
        groups = [(coordinates[seed], size, 1.0)]
    members: dict[int, float] = {}
    places = []
    for centre, wanted, sign in groups:
        chosen = _local_group(tree, centre, wanted, rng)
        for neuron in chosen:
            members.setdefault(int(neuron), sign)
        if sign > 0 and len(chosen):
            places.append(_main_region(regions, chosen))
    return members, _joined(places)


def _seed(belongs: NDArray[np.float64], rng: np.random.Generator) -> int:
    """Draw a neuron, preferably one that belongs to few assemblies so far."""
    chance = 1.0 / (1.0 + 4.0 * belongs)
    return int(rng.choice(len(chance), p=chance / chance.sum()))


def _local_group(
    tree: cKDTree, centre: NDArray[np.floating], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``size`` of the neurons around a point, close ones more often."""
    reach = min(int(np.ceil(_NEIGHBOURHOOD * size)), tree.n)
    if size < 1:
        return np.empty(0, dtype=np.int64)
    near = np.atleast_1d(tree.query(centre, k=reach)[1])
    chance = np.exp(-2.0 * np.arange(reach) / reach)
    picked = rng.choice(reach, min(size, reach), replace=False, p=chance / chance.sum())
    return np.asarray(near[np.sort(picked)], dtype=np.int64)


def _main_region(regions: Regions, neurons: NDArray[np.int64]) -> str:
    counts = np.asarray(regions.membership[neurons].sum(axis=0)).ravel()
    return regions.names[int(counts.argmax())] if counts.any() else "Unlabelled"


def _joined(places: list[str]) -> str:
    """Name the regions of an assembly: "Pallium L + R", "Habenula L + Pallium R"."""
    distinct = sorted(set(places))
    if len(distinct) == 2 and distinct[0][:-1] == distinct[1][:-1]:
        return f"{distinct[0]} + {distinct[1][-1]}"
    return " + ".join(distinct)


def _unique(labels: list[str]) -> tuple[str, ...]:
    """Number names that occur more than once."""
    total, seen = Counter(labels), Counter[str]()
    names = []
    for label in labels:
        seen[label] += 1
        names.append(f"{label} ({seen[label]})" if total[label] > 1 else label)
    return tuple(names)
