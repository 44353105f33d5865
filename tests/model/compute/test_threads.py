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
