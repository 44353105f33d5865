"""The estimator that trains a compositional RBM, and its training step by step."""

from napari_crbm.model.estimator.checks import check_halves, check_stability
from napari_crbm.model.estimator.crbm import CRBM
from napari_crbm.model.estimator.training import Training

__all__ = ["CRBM", "Training", "check_halves", "check_stability"]
