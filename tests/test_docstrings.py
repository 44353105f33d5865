"""The examples in the docstrings of the library run as written, without Qt.

They may use ``recording`` and ``spikes``, the file ``fish.h5``, and what
`napari_crbm.io.RecordingWriter` is given. Trainings end after a few updates.
"""

import doctest
import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_crbm
from napari_crbm.io import save_recording
from napari_crbm.model import Settings
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.simulation import simulate

SOURCE = Path(napari_crbm.__file__).parent
N_UPDATES = 10


def modules_with_examples() -> list[str]:
    """Names of modules, found without importing them."""
    files = [path for path in SOURCE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")]
    parts = [path.relative_to(SOURCE.parent).with_suffix("").parts for path in sorted(files)]
    return [".".join(part for part in names if part != "__init__") for names in parts]


MODULES = modules_with_examples()


@pytest.fixture(scope="module")
def recording():
    return simulate(n_neurons=300, n_frames=300, n_assemblies=5, seed=0).recording


@pytest.fixture
def short_trainings(monkeypatch):
    begin = TrainingRun.__init__

    def shortened(self, spikes, settings=None, **options):
        begin(self, spikes, replace(settings or Settings(), n_updates=N_UPDATES), **options)

    monkeypatch.setattr(TrainingRun, "__init__", shortened)


def test_examples_are_found_in_the_library_alone():
    assert {"napari_crbm", "napari_crbm.simulation.with_assemblies"} <= set(MODULES)
    assert not [name for name in MODULES if name.startswith("napari_crbm.viewer")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_as_written(name, recording, short_trainings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_recording(recording, "fish.h5")
    given = {
        "np": np,
        "recording": recording,
        "spikes": recording.spikes,
        "xyz": np.zeros((8, 3)),
        "t": np.arange(100) / 3.0,
        "blocks": np.zeros((4, 25, 8), dtype=np.uint8),
    }
    module = importlib.import_module(name)
    examples = doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=given)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for example in examples:
        runner.run(example, out=said.append)
    assert runner.tries, "the examples were not recognised"
    assert not runner.failures, "".join(said)
