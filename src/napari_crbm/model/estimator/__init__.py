"""The estimator that trains a compositional RBM, and its training step by step."""

from napari_crbm.model.estimator.crbm import CRBM, check_reproducibility
from napari_crbm.model.estimator.training import Training

__all__ = ["CRBM", "Training", "check_reproducibility"]
