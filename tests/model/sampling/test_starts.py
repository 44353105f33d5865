"""States that chains start from again: unions of frames, and states that are less active."""

import numpy as np

from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.sampling.starts import restart_in_unions
from napari_crbm.spikes import Spikes


def test_restarts_lay_frames_over_each_other_and_spare_the_other_chains():
    raster = np.eye(50, dtype=bool)[:40]
    before = np.random.default_rng(0).random((70, 50)) < 0.5
    bits = bits_from_dense(before)
    restart_in_unions(bits, np.array([3, 66]), Spikes.from_dense(raster), np.random.default_rng(0))
    after = dense_from_bits(bits, 70)
    others = np.setdiff1d(np.arange(70), [3, 66])
    assert np.array_equal(after[others], before[others])
    counts = after[[3, 66]].sum(axis=1)
    assert (counts >= 1).all() and (counts <= 8).all() and not after[:, 40:][[3, 66]].any()
