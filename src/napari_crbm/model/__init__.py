"""The cRBM itself: arrays in, arrays out. Depends on NumPy, SciPy and Numba alone."""

# The thread policy must stand before Numba is first imported.
from napari_crbm.model.compute import threads  # isort: skip
from napari_crbm.model.estimator import CRBM, Training
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.annealed_importance import (
    Partition,
    independent_log_likelihood,
    log_likelihood,
    log_partition,
)
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.sampling.draw import Samples, draw
from napari_crbm.model.sampling.replica_exchange import ReplicaExchange
from napari_crbm.model.training.progress import Control, Progress, duration
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.training.split import split_blocks
from napari_crbm.model.training.time_estimate import Pace, measure_pace
from napari_crbm.model.units.drelu import DReLU

__all__ = [
    "CRBM",
    "RBM",
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
