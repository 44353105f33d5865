"""Region maps of relocated assemblies: the chance level for comparing maps.

All maps are similar, because assemblies are compact and often bilateral: near and homotopic
regions are strongly coupled in every brain. Permuting regions destroys this geometry, so that
maps of unrelated animals nearly always appear significantly similar. Moving each assembly to
another place of its own brain keeps the geometry
(`napari_crbm.analysis.assemblies.relocation.Relocation`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.relocation import Relocation
from napari_crbm.connectome.layout import region_centroids
from napari_crbm.connectome.regionmap import RegionMap, Rule, region_map
from napari_crbm.recording import Recording
from napari_crbm.regions import Regions

#: Draws for a p-value, which is at least 1 / (draws + 1).
N_RELOCATIONS = 99
# Neurons per region in the maps; a mean over their pairs is precise enough.
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
    """Map the couplings of the assemblies unmoved, and moved to other places.

    Parameters
    ----------
    recording : Recording
        Positions of the neurons; neurons without position are left out.
    regions : Regions
    factors : (N, M) float32
        From `coupling_factors`.
    names : tuple of str
        Regions of the map, R of them.
    rule : {"mean_abs", "rms", "mean"}
    n_draws, seed : int
    report : callable, optional
        Called with (draws done, all draws); may raise to cancel.

    Returns
    -------
    (n_draws + 1, R, R) float32
        The first map is that of the unmoved assemblies. All maps use the same random neurons,
        at most 40 per region, so that they are equally precise.
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
    """Add to a map the centres of its regions and the maps of relocated assemblies.

    Comparisons with other maps need both.

    Parameters
    ----------
    region_map : RegionMap
    recording, regions, factors, seed, report
        As for `relocated_maps`.

    Returns
    -------
    RegionMap
        Has no centres if a region has no neuron of known position. Has no relocated maps in
        that case, for measures other than couplings, and if positions differ along fewer than
        two axes of a dorsal view.
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
