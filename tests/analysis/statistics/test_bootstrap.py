"""Standard errors against the spread over truly independent recordings."""

import numpy as np
import pytest

from napari_crbm.analysis import STATISTICS, agreement, moments
from napari_crbm.analysis.statistics.bootstrap import standard_errors
from napari_crbm.spikes import Spikes

MIXING = np.random.default_rng(0).normal(size=(6, 40)) / 2
BASE = np.random.default_rng(1).uniform(-4, 0, 40)
# Latent processes of different means that go together or apart.
SPREAD = np.random.default_rng(2).normal(size=(6, 6))
MEAN = np.arange(6) - 2.5
CONNECTED = np.ones((40, 6), dtype=bool)
RESAMPLED = [name for name, each in STATISTICS.items() if each.from_moments]


def recording(seed, n_frames=800, dwell=8):
    """Six slow latent processes that drive 40 neurons, and the latents as hidden units."""
    rng = np.random.default_rng(seed)
    latent = np.repeat(rng.normal(size=(n_frames // dwell, 6)), dwell, axis=0) @ SPREAD / 2
    raster = rng.random((n_frames, 40)) < 1 / (1 + np.exp(-BASE - latent @ MIXING))
    return Spikes.from_dense(raster), latent + MEAN


def test_errors_are_those_of_repeated_recordings():
    model = recording(1, 16_000)
    shift = np.zeros((40, 6))
    values = {name: [] for name in RESAMPLED}
    stated = {name: [] for name in RESAMPLED}
    for seed in range(30):
        train, test = recording(100 + seed), recording(200 + seed)
        parts, hidden = zip(model, train, test, strict=True)
        of = [moments(s, h) for s, h in zip(parts, hidden, strict=True)]
        for name in RESAMPLED:
            found = agreement(*(getattr(part, name).ravel() for part in of))
            values[name].append(found.nrmse)
        if seed % 3 == 0:
            errors = standard_errors(parts, hidden, CONNECTED, shift, random_state=seed)
            for name in RESAMPLED:
                stated[name].append(errors[name])
    for name in RESAMPLED:
        assert 0.5 < np.median(stated[name]) / np.std(values[name]) < 2, name


@pytest.mark.parametrize("seed", [0, 1])
def test_errors_are_reproducible(seed):
    parts, hidden = zip(*(recording(k, 400) for k in range(3)), strict=True)
    shift = np.full((40, 6), 0.01)
    first, again = (
        standard_errors(parts, hidden, CONNECTED, shift, n_draws=10, random_state=seed)
        for _ in range(2)
    )
    assert set(first) == set(STATISTICS)
    assert all(np.isfinite(first[name]) and first[name] == again[name] for name in RESAMPLED)
