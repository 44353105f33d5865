"""Initial states of chains: recorded frames, and unions of them, shared by several chains."""

import numpy as np

from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.sampling.starts import shared_starts
from napari_crbm.spikes import Spikes

FIELDS = np.full(50, -2.0, dtype=np.float32)


def test_chains_share_frames_and_unions_of_frames():
    frames = Spikes.from_dense(np.eye(50, dtype=bool)[:40])
    first = dense_from_bits(shared_starts(FIELDS, 70, 7, frames, 0, unions=True), 70)
    assert np.array_equal(first[:7], first[7:14]) and np.array_equal(first[:7], first[63:])
    counts = first[:7].sum(axis=1)
    assert (counts[::2] == 1).all() and counts[1::2].max() > 1 and counts.max() <= 3
    assert not first[:, 40:].any()
    plain = dense_from_bits(shared_starts(FIELDS, 70, 7, frames, 0, unions=False), 70)
    assert (plain.sum(axis=1) == 1).all()


def test_without_frames_neurons_start_independent():
    first = dense_from_bits(shared_starts(FIELDS, 2000, 200, None, 0, unions=True), 2000)
    assert np.array_equal(first[:200], first[200:400])
    assert abs(first.mean() - 1 / (1 + np.exp(2))) < 0.01
