"""Sample recordings for *File > Open Sample*."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari_crbm
from napari_crbm.viewer.layers.names import MODEL_KEY, MODEL_PATH_KEY
from napari_crbm.viewer.reader import LayerTuple, read_recording

_PAPER_SCALE: dict[str, Any] = {
    "n_neurons": 44_055,
    "n_frames": 5500,
    "n_assemblies": 200,
    "seed": 1,
}


def sample_folder() -> Path:
    """Return the folder of the small sample: in the package, or beside the sources in a clone."""
    package = Path(napari_crbm.__file__).parent
    shipped = package / "sample_data"
    return shipped if shipped.exists() else package.parents[1] / "sample_data"


def small_sample() -> list[LayerTuple]:
    """Return a simulated brain of 2,000 neurons, with a model trained on it."""
    from napari_crbm.io import load_model

    layers = read_recording(str(sample_folder() / "recording.h5"))
    path = sample_folder() / "model.h5"
    layers[0][1]["metadata"].update({MODEL_KEY: load_model(path), MODEL_PATH_KEY: path})
    return layers


def paper_scale_sample() -> list[LayerTuple]:
    """Return a simulated brain of the published size: 44,055 neurons, 5,500 frames."""
    from napari.utils import progress

    with progress(total=_PAPER_SCALE["n_frames"], desc="Simulating a whole brain") as bar:
        path = paper_scale_recording(lambda done, _total: bar.update(done - bar.n))
    return read_recording(str(path))


def paper_scale_recording(report: Callable[[int, int], None]) -> Path:
    """Return the file of the paper-scale sample; simulate it on first use, then keep it."""
    from napari_crbm import __version__
    from napari_crbm.simulation import simulate_to_file

    path = _cache_folder() / f"sample-paper-scale-{__version__}.h5"
    if not path.exists():
        simulate_to_file(path, progress=report, **_PAPER_SCALE)
    return path


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = (Path(base) if base else Path.home() / ".cache") / "napari-crbm"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir())
    return folder
