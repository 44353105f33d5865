"""The cRBM itself: arrays in, arrays out. Depends on NumPy, SciPy and Numba alone."""

# The thread policy must stand before Numba is first imported.
from napari_crbm.model import threads  # isort: skip
from napari_crbm.model.annealing import (
    Partition,
    independent_log_likelihood,
    log_likelihood,
    log_partition,
)
from napari_crbm.model.crbm import CRBM
from napari_crbm.model.drelu import DReLU
from napari_crbm.model.estimate import Pace, measure_pace
from napari_crbm.model.mixing import Samples, draw
from napari_crbm.model.progress import Control, Progress, duration
from napari_crbm.model.replicas import ReplicaExchange
from napari_crbm.model.sampling import Chains
from napari_crbm.model.settings import Settings
from napari_crbm.model.split import split_blocks
from napari_crbm.model.training import Training

__all__ = [
    "CRBM",
    "Chains",
    "Control",
    "DReLU",
    "Pace",
    "Partition",
    "Progress",
    "ReplicaExchange",
    "Samples",
    "Settings",
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
