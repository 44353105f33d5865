"""Counter-based random numbers for whole arrays of counters.

They are the numbers of `model.compute.randomness`, so that a backend on arrays makes the same
draws as the compiled one, up to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_crbm.model.compute.randomness import GOLDEN_64, HASH_32, SPLITMIX_64

_GOLDEN_32, _FIRST_32, _SECOND_32 = HASH_32
_FIRST_64, _SECOND_64 = SPLITMIX_64
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_R8, _R15, _R16 = np.uint32(8), np.uint32(15), np.uint32(16)
_TO_UNIT = 1.0 / 16777216.0


def subkeys(xp: Any, key: Any, counters: Any) -> Any:
    """Compute `randomness.subkey` of one key or an array of keys, uint64."""
    z = counters.astype(np.uint64)
    z += np.uint64(1)
    z *= GOLDEN_64
    z = z + key
    z ^= z >> _S30
    z *= _FIRST_64
    z ^= z >> _S27
    z *= _SECOND_64
    z ^= z >> _S31
    return z


def uniforms(xp: Any, keys: Any, n: int) -> Any:
    """Compute `randomness.uniform32` of counters 0 to n - 1 in K streams, (K, n) float32."""
    low = keys.astype(np.uint32)[:, None]
    high = (keys >> _S32).astype(np.uint32)[:, None]
    counters = xp.arange(n, dtype=np.uint32)
    counters *= _GOLDEN_32
    x = counters[None, :] + low
    x ^= x >> _R16
    x *= _FIRST_32
    x ^= high ^ (x >> _R15)
    x *= _SECOND_32
    x ^= x >> _R15
    x >>= _R8
    draws = x.astype(np.float32)
    draws += 0.5
    draws *= _TO_UNIT
    return draws
