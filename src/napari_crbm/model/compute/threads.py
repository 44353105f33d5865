"""The one place that decides how many threads compute, and where.

BLAS threads on top of Numba threads fight for the same cores (a 16-fold
slowdown was measured), and spinning OpenMP threads starve the viewer. So: BLAS
gets one thread while our kernels run, idle OpenMP threads sleep, and only one
parallel kernel runs at a time in a process, because Numba's portable threading
layer aborts when two Python threads enter it together.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

# Read by the OpenMP runtime when Numba loads it, so it is set before that import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A few microseconds of waiting awake bridge the gaps between the loops of one Gibbs step.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numba
from threadpoolctl import ThreadpoolController

_kernel_lock = threading.RLock()


def available_threads() -> int:
    """Most threads a kernel may use on this machine."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def usual_threads() -> int:
    """Threads of a kernel that is not told how many to use."""
    return available_threads()


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """Libraries with threads of their own, looked for again only once more modules are loaded.

    The search takes milliseconds, as much as a few Gibbs steps of a small model.
    """
    return ThreadpoolController()


@contextmanager
def kernel_threads(n_threads: int | None = None) -> Iterator[int]:
    """Hold the right to run parallel kernels with ``n_threads`` threads.

    Parameters
    ----------
    n_threads : int, optional
        Numba threads; all available cores by default. Results do not depend on it.

    Yields
    ------
    int
        The number of threads in force.
    """
    wanted = min(n_threads or usual_threads(), available_threads())
    with _kernel_lock:
        before = numba.get_num_threads()
        numba.set_num_threads(wanted)
        try:
            with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
                yield wanted
        finally:
            numba.set_num_threads(before)
