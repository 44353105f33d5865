"""Shared fixtures: small recordings and models that every station can afford."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

# Widgets are tested without a screen unless one is there.
if not os.environ.get("DISPLAY") and os.name == "posix":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest

from napari_crbm.model import CRBM, DReLU
from napari_crbm.spikes import Spikes

TESTS = Path(__file__).parent


def random_model(n_neurons: int, n_hidden: int, seed: int = 0, scale: float = 0.8) -> CRBM:
    """A cRBM with every kind of hidden unit: asymmetric, sparse, bimodal."""
    generator = np.random.default_rng(seed)
    return CRBM.from_parameters(
        generator.normal(0, scale, (n_neurons, n_hidden)).astype(np.float32),
        generator.normal(-0.5, 0.5, n_neurons).astype(np.float32),
        DReLU(
            generator.uniform(0.7, 2.0, n_hidden),
            generator.uniform(0.7, 2.0, n_hidden),
            generator.normal(0.0, 0.7, n_hidden),
            generator.normal(0.0, 0.7, n_hidden),
        ),
    )


def all_patterns(n_neurons: int) -> np.ndarray:
    """Every binary pattern of a few neurons, (2^N, N); row k holds the bits of k."""
    return (np.arange(2**n_neurons)[:, None] >> np.arange(n_neurons)) & 1


@pytest.fixture
def tiny_model() -> CRBM:
    return random_model(6, 2)


def planted_raster(
    n_neurons: int = 300,
    n_frames: int = 1500,
    n_assemblies: int = 4,
    size: int = 30,
    seed: int = 0,
) -> tuple[Spikes, np.ndarray]:
    """Disjoint assemblies that switch on together over a 2 % background."""
    generator = np.random.default_rng(seed)
    membership = np.zeros((n_neurons, n_assemblies), dtype=bool)
    for k in range(n_assemblies):
        membership[k * size : (k + 1) * size, k] = True
    on = np.repeat(generator.random((n_frames // 5 + 1, n_assemblies)) < 0.1, 5, axis=0)[:n_frames]
    probability = np.where(on @ membership.T, 0.5, 0.02)
    return Spikes.from_dense(generator.random((n_frames, n_neurons)) < probability), membership


@pytest.fixture(scope="session")
def planted() -> tuple[Spikes, np.ndarray]:
    return planted_raster()


@pytest.fixture(scope="session", autouse=True)
def one_core_each() -> Iterator[None]:
    """Where several processes test on the same cores, kernels keep to one unless told otherwise.

    Results do not depend on the number of threads, which has tests of its own; threads that
    wait for each other while the other processes compute do nothing but wait.
    """
    with pytest.MonkeyPatch.context() as patch:
        if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
            patch.setattr("napari_crbm.model.compute.threads.usual_threads", lambda: 1)
        yield


def pytest_configure(config: pytest.Config) -> None:
    _wait_patiently()
    # Files are handed out in the order below, not those with the most tests first.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def _wait_patiently() -> None:
    """Let waits for events of Qt end with the event, not with the 5 s of pytest-qt.

    Other work may hold up any test. A test that waits for what never comes ends after 5 min.
    """
    try:
        from pytestqt.qtbot import QtBot
    except Exception:
        # Tests of the library need neither pytest-qt nor Qt.
        return
    for names in (("waitUntil", "wait_until"), ("waitSignal", "wait_signal")):
        patient = partialmethod(getattr(QtBot, names[0]), timeout=300_000)
        for name in names:
            setattr(QtBot, name, patient)


#: Files that begin. Of two processes one compiles the kernels in the first file; the other takes
#: the next three, which need none, and then finds the kernels in Numba's cache. The longest of the
#: others follow.
FIRST = (
    "quality/test_noisy_or.py",
    "io/safety/test_corpus.py",
    "simulation/test_dynamics.py",
    "io/reading/test_matlab_cells.py",
    "quality/test_true_crbm.py",
    "tour/test_tour.py",
    "analysis/selection/test_sweep.py",
    "docs/test_snippets.py",
    "cli/test_full_disk.py",
    "viewer/docks/export/test_export_widget.py",
    "model/training/test_training.py",
    "model/backends/test_backends.py",
    "cli/test_cli.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, so that processes that share them end at about the same time."""
    ranks = {TESTS / name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", default=None, help="folder for pictures of the tour")
    parser.addoption("--seeds", default=1, type=int, help="trainings of each kind in tests/quality")
