"""Hidden units that add nothing, begun anew from what a model in training leaves unexplained.

A unit without weights gets no gradient, so it never comes back by itself; two units of one
assembly share what one could do. The first are free to begin anew, the second after their
weights are joined in one of them. They begin as training began, from rotated principal
components, but of what recorded neurons do beyond the model's expectation, and only if
these components are larger than chance would make them: where nothing is left to explain,
a unit that takes no part is right. Where most units take no part, assemblies have not formed
or the penalty has put them out, and a few new beginnings are no remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.kernels.weight_update import SILENT, SUPPORTED
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.start.components import (
    Components,
    largest_by_chance,
    sparse_components,
    z_scale,
)
from napari_crbm.model.start.initialise import (
    CAUTION,
    added_odds,
    weights_from_components,
)
from napari_crbm.model.training import health
from napari_crbm.model.units.standardised import Standardised
from napari_crbm.spikes import Spikes

_Residuals = Iterator[tuple[slice, NDArray[np.float32]]]

# Frames in which structure is looked for: its matrix of frames x frames must stay small.
_FRAMES = 1500
# Neurons whose noise is looked at.
_NOISE_SAMPLE = 5000
# The largest eigenvalue of noise lies beyond the edge of its spectrum by more than this, in
# units of its own scale, once in a thousand times (Tracy and Widom 1996).
_RARE = 3.3


class Renewed(NamedTuple):
    """Parameters as those of `Learner.parameters`, and which units they changed.

    ``joined`` are pairs of units whose weights are now all in the first, ``begun`` units
    that begin anew.
    """

    parameters: dict[str, Any]
    joined: list[tuple[int, int]]
    begun: list[int]


def renew(parameters: dict[str, Any], train: Spikes) -> Renewed | None:
    """Join twins and begin spare units anew; None if nothing is to be done.

    Parameters
    ----------
    parameters : dict
        Of `Learner.parameters`; changed in place.
    train : Spikes
        Training frames, whose mean activity hidden inputs are centred on.
    """
    weights = parameters["weights"]
    twins = health.duplicate_units(weights)
    joined: list[tuple[int, int]] = []
    gone: set[int] = set()
    for kept, twin in twins:
        if kept not in gone and twin not in gone:
            _join(parameters, kept, twin)
            joined.append((kept, twin))
            gone.add(twin)
    spare = sorted(gone | set(health.idle_units(weights)))
    if not spare or len(spare) > weights.shape[1] / 2:
        return None
    frames = np.linspace(0, train.n_frames - 1, min(_FRAMES, train.n_frames)).astype(np.int64)
    shown = train.select_frames(frames)
    weights, added = _beginnings(shown, parameters, len(spare))
    begun = spare[: weights.shape[1]]
    if begun:
        _begin(parameters, begun, weights, added)
    return Renewed(parameters, joined, begun) if joined or begun else None


def _join(parameters: dict[str, Any], kept: int, twin: int) -> None:
    """Give one unit the weights of both; its input grows, and its thresholds with it."""
    weights, roles = parameters["weights"], parameters["roles"]
    before = np.linalg.norm(weights[:, kept])
    sign = np.sign(weights[:, kept] @ weights[:, twin])
    weights[:, kept] += sign * weights[:, twin]
    np.maximum(roles[:, kept], roles[:, twin], out=roles[:, kept])
    growth = np.linalg.norm(weights[:, kept]) / before
    gamma, theta, delta, _ = parameters["hidden"]
    for values in (gamma, theta, delta):
        values[kept] *= growth
    weights[:, twin] = 0
    roles[:, twin] = SILENT


def _beginnings(
    shown: Spikes, parameters: dict[str, Any], most: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (N, K) of new assemblies, and what they add to log-odds (N,)."""
    components = _left_over(shown, parameters, most)
    courses, loadings = components.courses, components.loadings
    n_found = len(components.variances)
    if n_found > 1:
        courses, loadings = sparse_components(components, n_found, n_found)
    elif n_found:
        sign = np.float32(1 if (courses**3).sum() >= 0 else -1)
        courses, loadings = sign * courses, sign * loadings
    weights = CAUTION * weights_from_components(shown, courses, loadings)
    return weights, added_odds(weights, courses)


def _left_over(shown: Spikes, parameters: dict[str, Any], most: int) -> Components:
    """Components of what the frames show beyond the model, those larger than by chance."""
    n_frames, hidden = shown.n_frames, _expected_hidden(shown, parameters)
    beyond, noise = np.zeros((n_frames, n_frames)), np.zeros(shown.n_neurons)
    for rows, left in _residuals(shown, parameters, hidden):
        noise[rows] = (left.astype(np.float64) ** 2).mean(axis=0)
        beyond += left @ left.T
    values, vectors = np.linalg.eigh(beyond)
    values = values[::-1] / n_frames
    varies = np.flatnonzero(noise)
    sample = noise[varies[:: max(1, len(varies) // _NOISE_SAMPLE)]]
    n_certain = min(int((values > _largest_of_noise(sample, shown)).sum()), most)
    root = np.sqrt(n_frames)
    courses = (vectors[:, ::-1][:, :n_certain] * root).astype(np.float32)
    loadings = np.empty((shown.n_neurons, n_certain), dtype=np.float32)
    for rows, left in _residuals(shown, parameters, hidden):
        loadings[rows] = left.T @ courses / n_frames
    return Components(courses, loadings, values[:n_certain])


def _largest_of_noise(noise: NDArray[np.float64], shown: Spikes) -> float:
    """What the largest eigenvalue of independent noise hardly ever exceeds (Johnstone 2001)."""
    if not len(noise):
        return float("inf")
    roots = np.sqrt(np.array(shown.shape, dtype=np.float64))
    scale = roots.sum() * (1 / roots).sum() ** (1 / 3) / shown.n_frames
    return float(largest_by_chance(noise, shown) + _RARE * scale * noise.mean())


def _expected_hidden(shown: Spikes, parameters: dict[str, Any]) -> NDArray[np.float32]:
    """E[h | v] of every frame, (T, M)."""
    weights = parameters["weights"]
    inputs = np.empty((shown.n_frames, weights.shape[1]), dtype=np.float32)
    efficient(weights).project_frames(shown, np.arange(shown.n_frames), inputs)
    return NUMBA.mean(inputs, Standardised(*parameters["hidden"]).units())


def _residuals(
    shown: Spikes, parameters: dict[str, Any], hidden: NDArray[np.float32]
) -> _Residuals:
    """Activity beyond what the model expects given its hidden units, z-scored, (T, n) a block.

    The penalty holds weights back, so that an assembly is not wholly explained by its unit.
    What follows the course of a hidden unit is therefore taken out as well.
    """
    weights, fields = parameters["weights"], parameters["fields"]
    courses = np.linalg.qr(hidden - hidden.mean(axis=0))[0].astype(np.float32)
    scale = z_scale(shown).astype(np.float32)
    for rows in row_blocks(shown.n_neurons):
        expected = expit(hidden @ weights[rows].T + fields[rows])
        shown_here = dense_from_bits(shown.by_neuron[rows], shown.n_frames)
        left = ((shown_here - expected) * scale[rows]).astype(np.float32)
        left -= courses @ (courses.T @ left)
        yield rows, left


def _begin(
    parameters: dict[str, Any],
    units: list[int],
    weights: NDArray[np.float32],
    added: NDArray[np.float32],
) -> None:
    """Give units their first weights, and steps as large as those of the others."""
    others = np.setdiff1d(np.flatnonzero(np.abs(parameters["weights"]).any(axis=0)), units)
    parameters["weights"][:, units] = weights
    parameters["roles"][:, units] = np.where(weights != 0, SUPPORTED, SILENT)
    parameters["fields"] -= added
    moments = parameters["second_moments"]
    for name in ("theta", "delta", "eta"):
        moments[name][units] = np.median(moments[name][others]) if len(others) else 0.0
    squares = moments["weights"]
    moving = squares[parameters["roles"] != SILENT]
    squares[:, units] = np.median(moving[moving > 0]) if (moving > 0).any() else 0.0
    parameters["hidden"][:, units] = np.array([1.0, 0.0, 0.0, 0.0])[:, None]
