import os
import subprocess
import sys
import types

import pytest
from threadpoolctl import ThreadpoolController

from napari_crbm.model.compute import threads
from napari_crbm.model.compute.threads import kernel_threads


def blas_threads() -> set[int]:
    libraries = ThreadpoolController().info()
    return {library["num_threads"] for library in libraries if library["user_api"] == "blas"}


def test_blas_has_one_thread_while_kernels_run():
    before = blas_threads()
    with kernel_threads():
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_libraries_are_looked_for_again_only_once_more_modules_are_loaded(monkeypatch):
    looks = []

    def counted() -> ThreadpoolController:
        looks.append(1)
        return ThreadpoolController()

    threads._libraries.cache_clear()
    monkeypatch.setattr(threads, "ThreadpoolController", counted)
    for _ in range(3):
        with kernel_threads(1):
            pass
    assert len(looks) == 1
    monkeypatch.setitem(sys.modules, "one_more", types.ModuleType("one_more"))
    with kernel_threads(1):
        pass
    assert len(looks) == 2
    threads._libraries.cache_clear()


def test_threads_are_given_back_after_an_error():
    before = blas_threads()
    with pytest.raises(ValueError, match="on purpose"), kernel_threads(1):
        raise ValueError("on purpose")
    assert blas_threads() == before


# The parent computes, forks, and the child computes, too. The child's outcome is printed.
_FORKS = """
import os, sys
import numpy as np
from napari_crbm.errors import CRBMError
from napari_crbm.model.compute.kernels.bits import frames_to_bits
from napari_crbm.model.compute.threads import kernel_threads

def compute():
    with kernel_threads(2):
        ends, indices = np.array([0, 1]), np.array([0], dtype=np.int32)
        frames_to_bits(ends, indices, np.array([0]), np.zeros((1, 1), dtype=np.uint64))

compute()
child = os.fork()
if child == 0:
    try:
        compute()
    except CRBMError as error:
        print(error, flush=True)
        os._exit(3)
    os._exit(0)
_, status = os.waitpid(child, 0)
compute()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP is what Numba has on Linux")
@pytest.mark.parametrize(("layer", "code"), [("omp", 3), ("forksafe", 0)])
def test_a_forked_process_computes_or_says_why_not(layer, code):
    """Under GNU OpenMP Numba would end the child without a word."""
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", _FORKS], env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr[-2000:]
    assert ("NUMBA_THREADING_LAYER=forksafe" in done.stdout) == (layer == "omp")
