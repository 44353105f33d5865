"""Two kinds of recordings whose answers are known: one a cRBM, one of hidden switches.

In the first, neurons act on each other through their assemblies, so that a clamped group changes
the others and the clamped model says how. In the second, assemblies are switches that act on their
members and nothing acts back: a clamped group changes nobody. Both look alike.
"""

from __future__ import annotations

import numpy as np

from napari_crbm.model import CRBM, DReLU, Settings, Training
from napari_crbm.model.sampling.chains import draw_after
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes

N_NEURONS, N_FRAMES, SIZE, N_ASSEMBLIES = 160, 3000, 24, 4


def true_crbm() -> CRBM:
    """Four disjoint assemblies that are on in some 12 % of the frames, other neurons alone."""
    weights = np.zeros((N_NEURONS, N_ASSEMBLIES), dtype=np.float32)
    for unit in range(N_ASSEMBLIES):
        weights[unit * SIZE : (unit + 1) * SIZE, unit] = 0.45
    ones = np.ones(N_ASSEMBLIES)
    units = DReLU(ones, ones, -1.504 * ones, 1.5 * ones)
    return CRBM.from_parameters(weights, np.full(N_NEURONS, -3.3, dtype=np.float32), units)


def of_crbm(seed: int = 0) -> Recording:
    """Nearly independent states of the true model as a recording."""
    spikes = draw_after(
        true_crbm(), N_FRAMES, n_chains=300, burn_in=300, thin=30, random_state=seed
    )
    return _recording(spikes)


def of_switches(seed: int = 0, clamped: np.ndarray | None = None) -> Spikes:
    """Members fire while their switch is on; clamped neurons are active whatever happens."""
    generator = np.random.default_rng(seed)
    probability = np.full((N_FRAMES, N_NEURONS), 0.03)
    on = np.repeat(generator.random((N_FRAMES // 5, N_ASSEMBLIES)) < 0.12, 5, axis=0)
    for unit in range(N_ASSEMBLIES):
        probability[np.ix_(on[:, unit], np.arange(unit * SIZE, (unit + 1) * SIZE))] = 0.45
    active = generator.random((N_FRAMES, N_NEURONS)) < probability
    if clamped is not None:
        active[:, clamped] = True
    return Spikes.from_dense(active)


def recording_of_switches(seed: int = 0) -> Recording:
    return _recording(of_switches(seed))


def trained(recording: Recording, seed: int = 0) -> CRBM:
    settings = Settings(n_hidden=8, n_updates=1500, n_chains=100, random_state=seed)
    training = Training(recording.spikes, settings)
    for _ in training:
        pass
    model = training.model()
    model.recording_fingerprint_ = recording.spikes.fingerprint
    return model.find_members(recording)


def _recording(spikes: Spikes) -> Recording:
    positions = np.random.default_rng(0).uniform(0, 200, (spikes.n_neurons, 3))
    return Recording(positions.astype(np.float32), spikes, np.arange(spikes.n_frames) / 3.0)
