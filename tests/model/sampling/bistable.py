"""A model whose assembly stays off for long and on for long, with both equally likely."""

import numpy as np
from scipy import optimize

from napari_crbm.model import CRBM
from napari_crbm.model.units.drelu import DReLU


def share_up(theta: float, model: CRBM) -> float:
    """Exact probability of h > 0 with ``theta_plus = theta``, from the marginal of h."""
    levels = np.linspace(-8, 8, 4001)
    units = model.hidden_._replace(theta_plus=np.array([theta]))
    log_p = -units.potential(levels[:, None])[:, 0]
    log_p += np.logaddexp(0, model.weights_[:, 0] * levels[:, None] + model.fields_).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    return float(p[levels > 0].sum() / p.sum())


def bistable(size: int = 60) -> CRBM:
    """An assembly that stays off for long and on for long, with both equally likely."""
    weights = np.full((size, 1), 2.0, dtype=np.float32)
    gamma, theta = np.array([40.0]), np.array([-60.0])
    fields = np.full(size, -0.2, dtype=np.float32)
    model = CRBM.from_parameters(weights, fields, DReLU(gamma, gamma, theta, theta))
    even = optimize.brentq(lambda value: share_up(value, model) - 0.5, -200, 400)
    return CRBM.from_parameters(
        weights, fields, model.hidden_._replace(theta_plus=np.array([even]))
    )
