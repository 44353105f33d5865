"""Neural assemblies in whole-brain recordings, found with a compositional RBM.

>>> import napari_crbm as crbm
>>> recording = crbm.open("fish.h5")
>>> model = crbm.CRBM(n_hidden=200).fit(recording.spikes)
>>> crbm.figures.assembly_sheet(model, recording, 12).savefig("assembly-12.pdf")

Names are imported when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from napari_crbm import figures
    from napari_crbm.io import load_model, save_model, save_recording
    from napari_crbm.io import open_recording as open
    from napari_crbm.model import CRBM, Settings, Training
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions
    from napari_crbm.simulation import simulate
    from napari_crbm.spikes import Spikes

_HOMES = {
    "CRBM": ("napari_crbm.model", "CRBM"),
    "Settings": ("napari_crbm.model", "Settings"),
    "Training": ("napari_crbm.model", "Training"),
    "Recording": ("napari_crbm.recording", "Recording"),
    "Regions": ("napari_crbm.regions", "Regions"),
    "Spikes": ("napari_crbm.spikes", "Spikes"),
    "figures": ("napari_crbm.figures", None),
    "load_model": ("napari_crbm.io", "load_model"),
    "open": ("napari_crbm.io", "open_recording"),
    "save_model": ("napari_crbm.io", "save_model"),
    "save_recording": ("napari_crbm.io", "save_recording"),
    "simulate": ("napari_crbm.simulation", "simulate"),
}

__all__ = [
    "CRBM",
    "Recording",
    "Regions",
    "Settings",
    "Spikes",
    "Training",
    "figures",
    "load_model",
    "open",
    "save_model",
    "save_recording",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'napari_crbm' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    loaded = importlib.import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
