"""Simulated animals that share only a region-level connectome.

Each animal has its own neurons, members of assemblies and time course. The regions that the
assemblies connect, and the strengths of these connections, are the same in all animals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import larval_fish
from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

_DUTY, _DWELL_FRAMES = 0.06, 10.0
_BACKGROUND = 0.02
_SHARE = (0.25, 0.6)
_FIRING = (0.25, 0.7)
_NEURONS, _MEMBERS, _ACTIVITY = 0, 1, 2
_BLOCK_FRAMES = 512
# Neurons drawn in the whole brain per neuron needed in the connected regions.
_OVERSAMPLE = 10


@dataclass(frozen=True, eq=False)
class PlantedConnectome:
    """Regions that are connected by assemblies, the same in each animal.

    Parameters
    ----------
    names : tuple of str
        R regions.
    share : (R, K) float64
        Share of a region's neurons that are members of each assembly.
    firing : (K,) float64
        Probability that the assembly makes a member fire in a frame while it is on.
    """

    names: tuple[str, ...]
    share: NDArray[np.float64]
    firing: NDArray[np.float64]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Ground-truth strengths of the connections between regions, (R, R).

        This is the expected covariance of a random neuron of one region with a random neuron
        of the other, up to a factor that depends on the duty of the assemblies.
        """
        strength = self.share * self.firing
        return np.asarray(strength @ strength.T)


def plant_connectome(
    n_regions: int = 16, n_assemblies: int = 24, seed: int = 0
) -> PlantedConnectome:
    """Draw a connectome over the largest regions of the parametric fish.

    Each assembly lies in two or three regions.
    """
    rng = np.random.default_rng(seed)
    _, sampled = larval_fish().sample(4000, np.random.default_rng([seed, _NEURONS]))
    if not 3 <= n_regions <= len(sampled.names):
        raise RecordingError(
            f"A connectome needs 3 to {len(sampled.names)} regions; {n_regions} were asked for."
        )
    largest = np.sort(np.argsort(-sampled.counts, kind="stable")[:n_regions])
    share = np.zeros((n_regions, n_assemblies))
    for unit in range(n_assemblies):
        chosen = rng.choice(n_regions, rng.integers(2, 4), replace=False)
        share[chosen, unit] = rng.uniform(*_SHARE, len(chosen))
    names = tuple(sampled.names[k] for k in largest)
    return PlantedConnectome(names, share, rng.uniform(*_FIRING, n_assemblies))


def simulate_animal(
    connectome: PlantedConnectome, n_neurons: int = 1500, n_frames: int = 3000, seed: int = 0
) -> Recording:
    """Simulate one animal with its own neurons, members and time course.

    Neurons lie in the connectome's regions. Assemblies switch on and off independently
    and make their members fire by a noisy OR on top of a background of 2 %.
    """
    fish = larval_fish()
    coordinates, regions = fish.sample(
        _OVERSAMPLE * n_neurons, np.random.default_rng([seed, _NEURONS])
    )
    columns = [regions.names.index(name) for name in connectome.names]
    regions = Regions(regions.membership[:, columns], connectome.names)
    labelled = np.flatnonzero(regions.labelled)
    inside = labelled[np.linspace(0, len(labelled) - 1, n_neurons).astype(np.int64)]
    coordinates, regions = coordinates[inside], regions.select_neurons(inside)
    n_kept, n_units = len(coordinates), len(connectome.firing)
    rng = np.random.default_rng([seed, _MEMBERS])
    chance = regions.membership.astype(np.float64) @ connectome.share
    members = rng.random((n_kept, n_units)) < chance
    log_silent = np.where(members, np.log1p(-connectome.firing), 0.0)
    rng = np.random.default_rng([seed, _ACTIVITY])
    on = _switching(n_frames, n_units, rng)

    def blocks() -> Iterator[NDArray[np.bool_]]:
        for start in range(0, n_frames, _BLOCK_FRAMES):
            silent = np.exp(on[start : start + _BLOCK_FRAMES] @ log_silent.T)
            yield rng.random(silent.shape) >= (1 - _BACKGROUND) * silent

    return Recording(
        coordinates=coordinates,
        spikes=Spikes.from_chunks(blocks(), n_frames, n_kept),
        times=np.arange(n_frames) / 4.0,
        name=f"simulated animal {seed}",
        regions=regions,
        provenance=(Step("simulate animal", {"seed": seed, "n_frames": n_frames}),),
    )


def _switching(n_frames: int, n_units: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw independent two-state Markov chains, (T, K) zeros and ones."""
    off = 1 / _DWELL_FRAMES
    switch_on = off * _DUTY / (1 - _DUTY)
    state = rng.random(n_units) < _DUTY
    on = np.empty((n_frames, n_units))
    for frame in range(n_frames):
        chance = rng.random(n_units)
        state = np.where(state, chance >= off, chance < switch_on)
        on[frame] = state
    return on
