"""A real napari viewer with small recordings; skipped where Qt cannot start at all."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import pytest

try:
    from qtpy import QtWidgets  # noqa: F401
except Exception as error:  # Qt's system libraries are missing
    if os.environ.get("CI"):
        raise
    collect_ignore_glob = ["test_*.py"]
    print(f"viewer tests are left out: Qt cannot start ({error})")

from napari_crbm.model import CRBM, DReLU, Settings, Training
from napari_crbm.recording import Recording
from napari_crbm.simulation import Simulation, simulate

FAST = Settings(n_hidden=8, n_updates=200, n_chains=40, batch_size=50, gibbs_steps=2)


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate(n_neurons=400, n_frames=1000, n_assemblies=5, seed=0)


@pytest.fixture(scope="session")
def recording(simulation) -> Recording:
    return simulation.recording


@pytest.fixture(scope="session")
def planted_model(simulation) -> CRBM:
    """A model whose assemblies are the planted ones; nothing is trained."""
    membership = np.asarray(simulation.truth.membership)
    weights = np.random.default_rng(0).uniform(0.3, 1, membership.shape) * membership
    ones = np.ones(membership.shape[1])
    return CRBM.from_parameters(
        weights.astype(np.float32),
        np.full(len(weights), -3.0, np.float32),
        DReLU(ones, ones, 0 * ones, 0 * ones),
    )


@pytest.fixture(scope="session")
def trained_model(recording) -> CRBM:
    """A quickly trained model of the recording, with held-out frames and a history."""
    training = Training(recording.spikes, FAST)
    for _ in training:
        pass
    return training.model()


@pytest.fixture(autouse=True)
def old_objects_left_alone() -> None:
    """napari's fixture has all garbage collected after every test: not also among what stays.

    Before each test, because windows that are closed make Python look at all objects again.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def plugins_found_once() -> Iterator[None]:
    """Every viewer looks through all installed packages for plugins; they stay the same."""
    from npe2 import PluginManifest

    discover = PluginManifest.discover
    found = lru_cache(lambda paths: list(discover(paths=paths)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda paths=(): found(tuple(paths)))
        yield


@pytest.fixture(autouse=True, scope="session")
def settings_not_saved() -> Iterator[None]:
    """napari writes its settings, those of the person who runs the tests, at every change."""
    from napari.settings._base import EventedConfigFileSettings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventedConfigFileSettings, "save", lambda *_, **__: None)
        yield


@pytest.fixture(autouse=True)
def own_files(monkeypatch, tmp_path_factory):
    """Nothing of the person who runs the tests is read or changed."""
    from qtpy.QtCore import QSettings

    folder = tmp_path_factory.mktemp("person")
    monkeypatch.setattr("napari_crbm.viewer.jobs.autosave.folder", lambda: folder / "trainings")
    monkeypatch.setattr(
        "napari_crbm.viewer.parts.saved_fields.settings",
        lambda: QSettings(str(folder / "viewer.ini"), QSettings.Format.IniFormat),
    )


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
    for module in ("home", "jobs.runs", "docks.sweep.widget", "docks.train.widget"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.show_error", shown.append)
    for module in ("home", "jobs.runs"):
        monkeypatch.setattr(f"napari_crbm.viewer.{module}.show_warning", shown.append)
    # The module itself: the package's attribute of that name may be a function.
    monkeypatch.setattr("napari_crbm.viewer.opening.opening.show_warning", shown.append)
    return shown


@pytest.fixture
def trained_home(home, recording, trained_model, qtbot):
    home.show(recording, trained_model)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    return home


@pytest.fixture
def shown_home(home, recording, planted_model, qtbot):
    """The recording with the planted model: what most widgets need, without a training."""
    home.show(recording, planted_model)
    until(qtbot, lambda: home.workspace.trained is not None and not home.busy)
    return home


def until(qtbot, condition: Callable[[], object], timeout: int = 300_000) -> None:
    """Wait until the condition holds, as Python understands it (an empty list does not)."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)


def strongest_neuron(home) -> int:
    weights = home.workspace.trained.model.weights_
    return int(np.abs(weights[:, home.workspace.assembly]).argmax())
