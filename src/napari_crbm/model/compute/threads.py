"""The thread policy: how many threads compute, and which library may use them.

BLAS threads on top of Numba threads compete for the same cores (a 16-fold slowdown was measured),
and spinning OpenMP threads block the viewer. Therefore BLAS uses one thread while our kernels
run, idle OpenMP threads sleep, and only one parallel kernel runs at a time in a process, since
Numba's portable threading layer aborts when two Python threads enter it together.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

# Read by the OpenMP runtime when Numba loads it, so it is set before that import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Threads that wait actively for a few microseconds bridge the gaps between parallel loops.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numba
from threadpoolctl import ThreadpoolController

from napari_crbm.errors import CRBMError
from napari_crbm.model.compute.numba_cache import ensure_cache_folder

ensure_cache_folder()

_kernel_lock = threading.RLock()
_forked_from_openmp = False


def available_threads() -> int:
    """Return the largest number of threads a kernel may use on this machine."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def usual_threads() -> int:
    """Return the number of threads of a kernel unless another number is asked for."""
    return available_threads()


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """Find libraries with threads of their own, again only when more modules are loaded.

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

    Raises
    ------
    CRBMError
        In a process that was forked after its parent had computed with GNU OpenMP. Numba would
        end such a process at the first kernel, and a parent may wait for it without end.
    """
    if _forked_from_openmp:
        raise CRBMError(
            "This process was forked from one that had computed with GNU OpenMP, which cannot "
            "compute in a forked process. Start processes with the method 'spawn' or "
            "'forkserver', or set the environment variable NUMBA_THREADING_LAYER=forksafe before "
            "the program starts."
        )
    wanted = min(n_threads or usual_threads(), available_threads())
    with _kernel_lock:
        try:
            before = numba.get_num_threads()
        except ValueError as error:
            # Numba looks for its threads at the first call.
            raise CRBMError(
                "Numba finds no library for threads as the environment variable "
                "NUMBA_THREADING_LAYER, or its configuration, demands: remove the variable, or "
                "install that library."
            ) from error
        numba.set_num_threads(wanted)
        try:
            with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
                yield wanted
        finally:
            numba.set_num_threads(before)


def _uses_gnu_openmp() -> bool:
    """Whether Numba has started threads of GNU OpenMP in this process."""
    try:
        if numba.threading_layer() != "omp":  # type: ignore[attr-defined]
            return False
    except ValueError:
        # No parallel kernel has run yet.
        return False
    omppool = importlib.import_module("numba.np.ufunc.omppool")
    return str(getattr(omppool, "openmp_vendor", "GNU")) == "GNU"


def _after_fork() -> None:
    global _kernel_lock, _forked_from_openmp
    # Another thread of the parent may have held the lock; it does not exist here.
    _kernel_lock = threading.RLock()
    _forked_from_openmp = _forked_from_openmp or _uses_gnu_openmp()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
