"""Region maps of relocated assemblies: the chance level for comparing maps.

Any two maps resemble each other, because assemblies are compact and often bilateral: near and
homotopic regions are strongly coupled in every brain. Permuting regions destroys this geometry,
so that unrelated animals differ "significantly" from chance nearly always. Moving every assembly
to another place of its own brain keeps it (`napari_crbm.analysis.matching.places.Relocation`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.matching.places import Relocation
from napari_crbm.connectome.layout import region_centroids
from napari_crbm.connectome.regionmap import RegionMap, Rule, region_map
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

#: Draws behind a p-value, which is 1 / (draws + 1) at least.
N_RELOCATIONS = 99
# Neurons of a region that enter the maps: a mean over so many pairs is precise enough.
_PER_REGION = 40


def relocated_maps(
    recording: Recording,
    regions: Regions,
    factors: NDArray[np.float32],
    names: tuple[str, ...],
    *,
    rule: Rule = "mean_abs",
    n_draws: int = N_RELOCATIONS,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Map the couplings of the assemblies as they are, and moved to other places.

    Parameters
    ----------
    recording : Recording
        Positions of the neurons; those without one do not enter.
    regions : Regions
    factors : (N, M) float32
        From `coupling_factors`.
    names : tuple of str
        Regions of the map, R of them.
    rule : {"mean_abs", "rms", "mean"}
    n_draws, seed : int
    report : callable, optional
        Called with draws done and draws in all; may raise to stop.

    Returns
    -------
    (n_draws + 1, R, R) float32
        The first is that of the assemblies as they are. All are of the same at most 40 random
        neurons per region, so that they are equally precise.
    """
    located = np.flatnonzero(recording.located)
    regions, factors = regions.select_neurons(located), factors[located]
    generator = np.random.default_rng([seed, 4])
    chosen = [
        inside if len(inside) <= _PER_REGION else generator.choice(inside, _PER_REGION, False)
        for inside in map(regions.members, names)
    ]
    neurons = np.unique(np.concatenate(chosen))
    some = regions.among(names).select_neurons(neurons)
    relocation = Relocation(recording.positions[located], factors)
    maps = []
    for draw in range(n_draws + 1):
        moved = factors if draw == 0 else relocation.draw(generator)
        found = region_map(
            np.ascontiguousarray(moved[neurons], dtype=np.float32), some, rule=rule, min_neurons=1
        )
        place = [found.names.index(name) for name in names]
        maps.append(found.values[np.ix_(place, place)].astype(np.float32))
        if report is not None:
            report(draw, n_draws)
    return np.stack(maps)


def for_comparison(
    region_map: RegionMap,
    recording: Recording,
    regions: Regions,
    factors: NDArray[np.float32],
    *,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> RegionMap:
    """Add to a map what comparing it needs: centres of its regions, maps of relocated assemblies.

    Parameters
    ----------
    region_map : RegionMap
    recording, regions, factors, seed, report
        As for `relocated_maps`.

    Returns
    -------
    RegionMap
        Without centres if a region has no neuron of known position; without relocated maps then,
        for other measures than couplings, and where positions differ along fewer than two axes
        of a dorsal view.
    """
    known = [recording.located[regions.members(name)].any() for name in region_map.names]
    if not all(known):
        return region_map
    centres = region_centroids(recording.positions, regions, region_map.names)
    found = replace(region_map, centres_um=centres)
    if region_map.measure != "coupling" or not {"y", "x"} <= set(recording.known_axes):
        return found
    relocated = relocated_maps(
        recording,
        regions,
        factors,
        found.names,
        rule=cast("Rule", found.rule),
        seed=seed,
        report=report,
    )
    return replace(found, relocated=relocated)
