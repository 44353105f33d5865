"""Average region maps over the models of one animal, and over animals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy.names import matched_name
from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import ModelError

# A bootstrap over fewer animals is meaningless.
_FEWEST_ANIMALS = 3


def mean_over_models(maps: Sequence[RegionMap]) -> RegionMap:
    """Average the maps of one animal from several models, unweighted (paper, Methods).

    Raises
    ------
    ModelError
        If the maps have different regions, measures or rules.
    """
    first = maps[0]
    _check_same_kind(maps)
    if any(other.names != first.names for other in maps):
        raise ModelError("Maps of one animal must have the same regions: use the same recording.")
    return RegionMap(
        first.names,
        np.mean([each.values for each in maps], axis=0),
        first.n_neurons,
        first.measure,
        first.rule,
        left_out=first.left_out,
        centres_um=_mean_of([each.centres_um for each in maps]),
        relocated=_mean_of([each.relocated for each in maps]),
    )


def mean_over_animals(
    maps: Sequence[RegionMap],
    n_frames: Sequence[int],
    *,
    min_neurons: float = 5,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> RegionMap:
    """Average maps over animals, weighted by frames and neurons (paper Eq. 22).

    The weight of an animal in a pair of regions is its number of frames times the mean
    number of its neurons in the two. Regions with fewer than ``min_neurons`` neurons on
    average over the animals are left out. The confidence interval is a bootstrap over animals
    and is computed for three animals or more.

    Parameters
    ----------
    maps : sequence of RegionMap
        One map per animal.
    n_frames : sequence of int
    """
    _check_same_kind(maps)
    place: dict[str, str] = {}
    for each in maps:
        for name in each.names:
            place.setdefault(matched_name(name), name)
    keys = list(place)
    n_maps, n = len(maps), len(keys)
    values = np.full((n_maps, n, n), np.nan)
    neurons = np.zeros((n_maps, n))
    for k, each in enumerate(maps):
        index = np.array([keys.index(matched_name(name)) for name in each.names])
        values[k][np.ix_(index, index)] = each.values
        neurons[k, index] = each.n_neurons
    kept = neurons.mean(axis=0) >= min_neurons
    values, neurons = values[:, kept][:, :, kept], neurons[:, kept]
    weight = np.asarray(n_frames, dtype=np.float64)[:, None, None] * (
        (neurons[:, :, None] + neurons[:, None, :]) / 2
    )
    weight[np.isnan(values)] = 0.0
    mean = _weighted(values, weight)
    low = high = None
    if n_maps >= _FEWEST_ANIMALS and n_bootstrap:
        rng = np.random.default_rng(seed)
        draws = rng.integers(n_maps, size=(n_bootstrap, n_maps))
        with np.errstate(invalid="ignore"):
            resampled = np.array([_weighted(values[draw], weight[draw]) for draw in draws])
        low, high = np.nanquantile(resampled, (0.025, 0.975), axis=0)
    names = tuple(place[key] for key, keep in zip(keys, kept, strict=True) if keep)
    return RegionMap(
        names,
        mean,
        np.round(neurons.mean(axis=0)).astype(np.int64),
        maps[0].measure,
        maps[0].rule,
        low=low,
        high=high,
        left_out=tuple(place[key] for key, keep in zip(keys, kept, strict=True) if not keep),
        centres_um=_mean_centres(maps, names),
        relocated=_mean_relocated(maps, weight, names),
    )


def _placed(each: RegionMap, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of a map's regions in ``names``, and which of its regions these are."""
    key = {matched_name(name): k for k, name in enumerate(names)}
    here = [k for k, name in enumerate(each.names) if matched_name(name) in key]
    there = [key[matched_name(each.names[k])] for k in here]
    return np.array(there, dtype=np.int64), np.array(here, dtype=np.int64)


def _mean_centres(maps: Sequence[RegionMap], names: Sequence[str]) -> NDArray[np.float64] | None:
    """Average the centre of each region over animals; None if those of an animal are unknown."""
    total, number = np.zeros((len(names), 3)), np.zeros((len(names), 1))
    for each in maps:
        if each.centres_um is None:
            return None
        there, here = _placed(each, names)
        total[there] += each.centres_um[here]
        number[there] += 1
    return total / number


def _mean_relocated(
    maps: Sequence[RegionMap], weight: NDArray[np.float64], names: Sequence[str]
) -> NDArray[np.float32] | None:
    """Average the maps of relocated assemblies draw by draw; None if an animal has none."""
    drawn = [each.relocated for each in maps if each.relocated is not None]
    n_draws = min((len(each) for each in drawn), default=0)
    if len(drawn) < len(maps) or n_draws < 2:
        return None
    values = np.full((n_draws, len(maps), len(names), len(names)), np.nan)
    for k, (each, relocated) in enumerate(zip(maps, drawn, strict=True)):
        there, here = _placed(each, names)
        values[:, k][:, there[:, None], there] = relocated[:n_draws][:, here][:, :, here]
    return np.stack([_weighted(each, weight) for each in values]).astype(np.float32)


def _weighted(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weight.sum(axis=0)
    mean = (np.nan_to_num(values) * weight).sum(axis=0)
    return np.asarray(np.divide(mean, total, out=np.full_like(mean, np.nan), where=total > 0))


def _check_same_kind(maps: Sequence[RegionMap]) -> None:
    kinds = {(each.measure, each.rule) for each in maps}
    if len(kinds) > 1:
        found = " and ".join(f"{measure} ({rule})" for measure, rule in sorted(kinds))
        raise ModelError(f"Maps of different kinds cannot be averaged: {found}.")


def _mean_of(arrays: Sequence[NDArray[np.floating] | None]) -> NDArray[Any] | None:
    """Average arrays of one shape; None if one is missing or has another shape."""
    known = [each for each in arrays if each is not None]
    if len(known) < len(arrays) or len({each.shape for each in known}) != 1:
        return None
    return np.asarray(np.mean(known, axis=0), dtype=known[0].dtype)
