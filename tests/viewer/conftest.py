"""A real napari viewer with small recordings; skipped where Qt cannot start at all."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

try:
    from qtpy import QtWidgets  # noqa: F401
except Exception as error:  # Qt's system libraries are missing
    if os.environ.get("CI"):
        raise
    collect_ignore_glob = ["test_*.py"]
    print(f"viewer tests are left out: Qt cannot start ({error})")

from napari_crbm.model import Settings
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate

FAST = Settings(n_hidden=8, n_updates=200, n_chains=40, batch_size=50, gibbs_steps=2)


@pytest.fixture(scope="session")
def recording() -> Recording:
    return simulate(n_neurons=400, n_frames=1000, n_assemblies=5, seed=0).recording


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def home(viewer):
    from napari_crbm.viewer.home import home_of

    return home_of(viewer)


@pytest.fixture
def errors(monkeypatch) -> list[str]:
    """Errors shown to the person, instead of pop-ups."""
    shown: list[str] = []
    for module in ("home", "train_widget"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.show_error", shown.append)
    monkeypatch.setattr("napari_crbm.viewer.home.show_warning", shown.append)
    return shown


@pytest.fixture
def trained_home(home, recording, qtbot):
    home.show(recording)
    home.start_training(FAST)
    qtbot.waitUntil(lambda: home.workspace.trained is not None, timeout=120_000)
    return home


def until(qtbot, condition: Callable[[], bool], timeout: int = 60_000) -> None:
    qtbot.waitUntil(condition, timeout=timeout)


def strongest_neuron(home) -> int:
    weights = home.workspace.trained.model.weights_
    return int(np.abs(weights[:, home.workspace.assembly]).argmax())
