"""States of many chains as bits: 64 chains per word, one row per neuron."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bits_from_dense(dense: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Pack (B, N) zeros and ones into bits, (N, ceil(B / 64)) uint64."""
    n_words = (len(dense) + 63) // 64
    columns = np.zeros((dense.shape[1], 8 * n_words), dtype=np.uint8)
    packed = np.packbits(dense.T.astype(bool), axis=1, bitorder="little")
    columns[:, : packed.shape[1]] = packed
    return columns.view("<u8").astype(np.uint64, copy=False)


def dense_from_bits(bits: NDArray[np.uint64], n_chains: int) -> NDArray[np.uint8]:
    """Unpack what `bits_from_dense` packed, (B, N) uint8."""
    as_bytes = np.ascontiguousarray(bits).astype("<u8", copy=False).view(np.uint8)
    unpacked = np.unpackbits(as_bytes, axis=1, count=n_chains, bitorder="little")
    return np.ascontiguousarray(unpacked.T)
