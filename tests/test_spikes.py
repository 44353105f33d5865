from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.spikes import CHUNK_FRAMES, Spikes

SIZES = [(1, 1), (5, 8), (64, 9), (CHUNK_FRAMES + 3, 23), (130, 64)]


def raster(n_frames, n_neurons, seed=0):
    return np.random.default_rng(seed).random((n_frames, n_neurons)) < 0.3


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def dense(request):
    return raster(*request.param)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_packing_loses_nothing(dense, dtype):
    spikes = Spikes.from_dense(dense.astype(dtype))
    assert spikes.shape == dense.shape
    assert spikes.packed.shape == (len(dense), -(-dense.shape[1] // 8))
    assert spikes.dense().dtype == np.uint8
    np.testing.assert_array_equal(spikes.dense(), dense)
    np.testing.assert_array_equal(np.vstack(list(spikes.iter_dense(7))), dense)


def test_views_agree_with_the_raster(dense):
    spikes = Spikes.from_dense(dense)
    indptr, indices = spikes.by_frame
    assert indptr[-1] == len(indices) == dense.sum()
    for t, row in enumerate(dense):
        np.testing.assert_array_equal(indices[indptr[t] : indptr[t + 1]], np.flatnonzero(row))
    assert spikes.by_neuron.shape == (dense.shape[1], -(-len(dense) // 64))
    for neuron, words in enumerate(spikes.by_neuron):
        bits = [int(words[t // 64]) >> (t % 64) & 1 for t in range(64 * len(words))]
        np.testing.assert_array_equal(bits[: len(dense)], dense[:, neuron])
        assert not any(bits[len(dense) :])
        np.testing.assert_array_equal(spikes.trace(neuron), dense[:, neuron])


def test_counts(dense):
    spikes = Spikes.from_dense(dense)
    np.testing.assert_array_equal(spikes.neuron_counts, dense.sum(axis=0))
    np.testing.assert_array_equal(spikes.frame_counts, dense.sum(axis=1))
    np.testing.assert_allclose(spikes.mean_activity, dense.mean(axis=0))
    assert spikes.rate == pytest.approx(dense.mean())


def test_traces_are_indexed_like_arrays():
    dense = raster(40, 11)
    spikes = Spikes.from_dense(dense)
    np.testing.assert_array_equal(spikes.trace(-1), dense[:, -1])
    for beyond in (11, -12):
        with pytest.raises(IndexError):
            spikes.trace(beyond)


@pytest.mark.parametrize(
    "chosen",
    [np.array([3, 0, 3, 20]), np.arange(21) % 3 == 0, np.array([-1])],
    ids=["indices", "mask", "from the end"],
)
def test_selections(chosen):
    dense = raster(21, 21)
    spikes = Spikes.from_dense(dense)
    np.testing.assert_array_equal(spikes.select_frames(chosen).dense(), dense[chosen])
    np.testing.assert_array_equal(spikes.select_neurons(chosen).dense(), dense[:, chosen])
    np.testing.assert_array_equal(spikes.select_frames(slice(2, 9)).dense(), dense[2:9])
    np.testing.assert_array_equal(spikes.dense(chosen), dense[chosen])


@pytest.mark.parametrize(("rows", "columns"), [(1, 23), (300, 1), (7, 5), (16, 8), (300, 23)])
def test_tiles_in_any_order(rows, columns):
    dense = raster(300, 23)
    tiles = [
        (t, n, dense[t : t + rows, n : n + columns].astype(np.float64))
        for t in range(0, 300, rows)
        for n in range(0, 23, columns)
    ]
    order = np.random.default_rng(1).permutation(len(tiles))
    spikes = Spikes.from_tiles((tiles[k] for k in order), 300, 23)
    assert spikes == Spikes.from_dense(dense)


def test_tiles_must_cover_the_raster():
    with pytest.raises(RecordingError, match="covers 40 of 10 frames x 5 neurons"):
        Spikes.from_tiles([(0, 0, np.ones((8, 5)))], 10, 5)


def test_equality_and_fingerprint():
    dense = raster(30, 11)
    spikes, same = Spikes.from_dense(dense), Spikes.from_dense(dense.astype(int))
    assert spikes == same
    assert spikes.fingerprint == same.fingerprint
    assert hash(spikes) == hash(same)
    dense[7, 3] ^= True
    other = Spikes.from_dense(dense)
    assert spikes != other
    assert spikes.fingerprint != other.fingerprint
    # All zeros of 11 and of 12 neurons have the same bytes, but are not the same.
    eleven, twelve = (Spikes.from_dense(np.zeros((4, n))) for n in (11, 12))
    assert eleven != twelve
    assert eleven.fingerprint != twelve.fingerprint
    assert spikes != "spikes"


def test_spikes_cannot_be_changed():
    spikes = Spikes.from_dense(raster(4, 9))
    with pytest.raises(ValueError, match="read-only"):
        spikes.packed[0, 0] = 1


def test_repr():
    assert "30 frames x 11 neurons" in repr(Spikes.from_dense(raster(30, 11)))


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, np.nan])
def test_activity_must_be_binary(value):
    dense = raster(CHUNK_FRAMES + 9, 12).astype(float)
    dense[CHUNK_FRAMES + 2, 10] = value
    message = rf"binary.*found {value} at frame {CHUNK_FRAMES + 2}, neuron 10"
    with pytest.raises(RecordingError, match=message):
        Spikes.from_dense(dense)
    with pytest.raises(RecordingError, match=message):
        Spikes.from_tiles([(0, 0, dense[:, :5]), (0, 5, dense[:, 5:])], *dense.shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Spikes.from_dense(np.zeros((0, 5))), "no frames"),
        (lambda: Spikes.from_dense(np.zeros((5, 0))), "no neurons"),
        (lambda: Spikes.from_dense(np.zeros(5)), "two axes"),
        (lambda: Spikes.from_chunks([np.zeros((3, 4))], 3, 5), "does not fit"),
        (lambda: Spikes.from_chunks([np.zeros((4, 5))], 3, 5), "does not fit"),
        (lambda: Spikes.from_chunks([np.zeros((2, 5))], 3, 5), "ends after 2 of 3"),
        (lambda: Spikes(np.zeros((3, 1)), 5), "uint8"),
        (lambda: Spikes(np.zeros((3, 2), np.uint8), 5), "5 neurons need 1"),
        (lambda: Spikes(np.full((3, 1), 32, np.uint8), 5), "beyond neuron 4"),
        (
            lambda: Spikes.from_dense(np.ones((3, 4))).select_neurons(np.zeros(4, dtype=bool)),
            "no neurons",
        ),
    ],
)
def test_contradictions_are_named(make, message):
    with pytest.raises(RecordingError, match=message):
        make()
