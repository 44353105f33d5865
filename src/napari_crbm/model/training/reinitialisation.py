"""Reinitialise idle and duplicate hidden units from residual components.

A unit without weights gets no gradient, so that it stays idle. Two units with the same assembly
are duplicates; their weights are joined in one of them, and the other becomes idle. Idle units
restart like the training itself, from rotated principal components, but of the residual: the
activity of recorded neurons less the model's expectation. Only components that are larger than
chance are used, so that units stay idle where the model explains everything. If more than half of
the units are idle, assemblies have not formed or the penalty has removed them, and nothing is
reinitialised.
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
from napari_crbm.model.units.protocol import TrainingUnits, UnitType
from napari_crbm.spikes import Spikes

_Residuals = Iterator[tuple[slice, NDArray[np.float32]]]

# Frames whose residual is analysed; its covariance of frames x frames must stay small.
_FRAMES = 1500
# Neurons whose noise is measured.
_NOISE_SAMPLE = 5000
# The largest eigenvalue of noise exceeds the edge of its spectrum by more than this, in units of
# its own scale, once in a thousand times (Tracy and Widom 1996).
_RARE = 3.3


class Reinitialised(NamedTuple):
    """Parameters in the form of `Learner.parameters`, and which units have changed.

    ``joined`` are pairs of units whose weights are now all in the first, ``begun`` units that
    are reinitialised.
    """

    parameters: dict[str, Any]
    joined: list[tuple[int, int]]
    begun: list[int]


def reinitialise(
    parameters: dict[str, Any], train: Spikes, unit_type: UnitType
) -> Reinitialised | None:
    """Join duplicate units and reinitialise idle ones; None if there are none.

    Parameters
    ----------
    parameters : dict
        Of `Learner.parameters`; changed in place.
    train : Spikes
        Training frames, whose mean activity hidden inputs are centred on.
    unit_type : UnitType
    """
    units = unit_type.of_rows(parameters["hidden"])
    weights = parameters["weights"]
    duplicates = health.duplicate_units(weights)
    joined: list[tuple[int, int]] = []
    gone: set[int] = set()
    for kept, duplicate in duplicates:
        if kept not in gone and duplicate not in gone:
            _join(parameters, units, kept, duplicate)
            joined.append((kept, duplicate))
            gone.add(duplicate)
    spare = sorted(gone | set(health.idle_units(weights)))
    if not spare or len(spare) > weights.shape[1] / 2:
        return None
    frames = np.linspace(0, train.n_frames - 1, min(_FRAMES, train.n_frames)).astype(np.int64)
    shown = train.select_frames(frames)
    weights, added = _new_weights(shown, parameters, units, len(spare))
    begun = spare[: weights.shape[1]]
    if begun:
        _begin(parameters, units, begun, weights, added)
    return Reinitialised(parameters, joined, begun) if joined or begun else None


def _join(parameters: dict[str, Any], units: TrainingUnits, kept: int, duplicate: int) -> None:
    """Give one unit the weights of both; its input grows, and its potential with it."""
    weights, roles = parameters["weights"], parameters["roles"]
    before = np.linalg.norm(weights[:, kept])
    sign = np.sign(weights[:, kept] @ weights[:, duplicate])
    weights[:, kept] += sign * weights[:, duplicate]
    np.maximum(roles[:, kept], roles[:, duplicate], out=roles[:, kept])
    units.amplify(kept, float(np.linalg.norm(weights[:, kept]) / before))
    weights[:, duplicate] = 0
    roles[:, duplicate] = SILENT


def _new_weights(
    shown: Spikes, parameters: dict[str, Any], units: TrainingUnits, most: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute weights (N, K) of new assemblies, and what they add to the log-odds (N,)."""
    components = _residual_components(shown, parameters, units, most)
    courses, loadings = components.courses, components.loadings
    n_found = len(components.variances)
    if n_found > 1:
        courses, loadings = sparse_components(components, n_found, n_found)
    elif n_found:
        sign = np.float32(1 if (courses**3).sum() >= 0 else -1)
        courses, loadings = sign * courses, sign * loadings
    weights = CAUTION * weights_from_components(shown, courses, loadings)
    return weights, added_odds(weights, courses)


def _residual_components(
    shown: Spikes, parameters: dict[str, Any], units: TrainingUnits, most: int
) -> Components:
    """Compute the components of the residual that are larger than chance."""
    n_frames, hidden = shown.n_frames, _expected_hidden(shown, parameters, units)
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
    """Compute what the largest eigenvalue of noise rarely exceeds (Johnstone 2001)."""
    if not len(noise):
        return float("inf")
    roots = np.sqrt(np.array(shown.shape, dtype=np.float64))
    scale = roots.sum() * (1 / roots).sum() ** (1 / 3) / shown.n_frames
    return float(largest_by_chance(noise, shown) + _RARE * scale * noise.mean())


def _expected_hidden(
    shown: Spikes, parameters: dict[str, Any], units: TrainingUnits
) -> NDArray[np.float32]:
    """Compute E[h | v] of every frame, (T, M)."""
    weights = parameters["weights"]
    inputs = np.empty((shown.n_frames, weights.shape[1]), dtype=np.float32)
    efficient(weights).project_frames(shown, np.arange(shown.n_frames), inputs)
    mean: NDArray[np.float32] = NUMBA.mean(inputs, units.units())
    return mean


def _residuals(
    shown: Spikes, parameters: dict[str, Any], hidden: NDArray[np.float32]
) -> _Residuals:
    """Yield activity less the model's expectation, z-scored, in blocks of neurons (T, n).

    The penalty shrinks weights, so that a unit does not explain its assembly completely. The part
    that follows the course of any hidden unit is therefore projected out.
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
    hidden: TrainingUnits,
    units: list[int],
    weights: NDArray[np.float32],
    added: NDArray[np.float32],
) -> None:
    """Give units initial weights, and steps as large as those of the others."""
    others = np.setdiff1d(np.flatnonzero(np.abs(parameters["weights"]).any(axis=0)), units)
    parameters["weights"][:, units] = weights
    parameters["roles"][:, units] = np.where(weights != 0, SUPPORTED, SILENT)
    parameters["fields"] -= added
    moments = parameters["second_moments"]
    for name in hidden.paces():
        moments[name][units] = np.median(moments[name][others]) if len(others) else 0.0
    squares = moments["weights"]
    moving = squares[parameters["roles"] != SILENT]
    squares[:, units] = np.median(moving[moving > 0]) if (moving > 0).any() else 0.0
    hidden.reset(units)
