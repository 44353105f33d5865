"""The compositional RBM: estimator, training, sampling. Depends on NumPy, SciPy and Numba alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.model.compute import threads
    from napari_crbm.model.estimator import CRBM, Training
    from napari_crbm.model.members.members import Members
    from napari_crbm.model.members.settings import MemberSettings
    from napari_crbm.model.rbm import RBM
    from napari_crbm.model.sampling.annealed_importance import (
        Partition,
        independent_log_likelihood,
        log_likelihood,
        log_partition,
    )
    from napari_crbm.model.sampling.chains import Chains
    from napari_crbm.model.sampling.draw import Samples, draw
    from napari_crbm.model.sampling.switching import SwitchingChains
    from napari_crbm.model.training.progress import (
        Control,
        Progress,
        duration,
    )
    from napari_crbm.model.training.settings import Settings
    from napari_crbm.model.training.split import Split, split_blocks
    from napari_crbm.model.training.time_estimate import Pace, measure_pace
    from napari_crbm.model.units.drelu import DReLU

_HOMES = {
    "compute.threads": (),
    "estimator": (
        "CRBM",
        "Training",
    ),
    "members.members": ("Members",),
    "members.settings": ("MemberSettings",),
    "rbm": ("RBM",),
    "sampling.annealed_importance": (
        "Partition",
        "independent_log_likelihood",
        "log_likelihood",
        "log_partition",
    ),
    "sampling.chains": ("Chains",),
    "sampling.draw": (
        "Samples",
        "draw",
    ),
    "sampling.switching": ("SwitchingChains",),
    "training.progress": (
        "Control",
        "Progress",
        "duration",
    ),
    "training.settings": ("Settings",),
    "training.split": ("Split", "split_blocks"),
    "training.time_estimate": (
        "Pace",
        "measure_pace",
    ),
    "units.drelu": ("DReLU",),
}

__all__ = [
    "CRBM",
    "RBM",
    "Chains",
    "Control",
    "DReLU",
    "MemberSettings",
    "Members",
    "Pace",
    "Partition",
    "Progress",
    "Samples",
    "Settings",
    "Split",
    "SwitchingChains",
    "Training",
    "draw",
    "duration",
    "independent_log_likelihood",
    "log_likelihood",
    "log_partition",
    "measure_pace",
    "split_blocks",
    "threads",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
