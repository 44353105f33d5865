"""Sample recordings for *File > Open Sample*."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_crbm.viewer.reader import LayerTuple, read_recording

_LARGE = {"n_neurons": 44_055, "n_frames": 5500, "n_assemblies": 200, "seed": 1}
_SMALL = {"n_neurons": 2000, "n_frames": 3000, "n_assemblies": 20, "seed": 0}


def sample_recording_path() -> Path:
    """The small sample: simulated on first use, then kept."""
    return _simulated("small", _SMALL)


def small_sample() -> list[LayerTuple]:
    """A simulated brain of 2,000 neurons with 20 assemblies to find."""
    return read_recording(str(sample_recording_path()))


def paper_scale_sample() -> list[LayerTuple]:
    """A simulated brain of the published size: 44,055 neurons, 5,500 frames."""
    from napari.utils import progress

    with progress(total=_LARGE["n_frames"], desc="Simulating a whole brain") as bar:
        path = _simulated("paper-scale", _LARGE, lambda done, _: bar.update(done - bar.n))
    return read_recording(str(path))


def cache_folder() -> Path:
    """Where generated samples are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = (Path(base) if base else Path.home() / ".cache") / "napari-crbm"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    return folder


def _simulated(
    name: str, arguments: dict[str, Any], progress: Callable[[int, int], None] | None = None
) -> Path:
    from napari_crbm import __version__
    from napari_crbm.simulation import simulate_to_file

    path = cache_folder() / f"sample-{name}-{__version__}.h5"
    if not path.exists():
        simulate_to_file(path, progress=progress, **arguments)
    return path
