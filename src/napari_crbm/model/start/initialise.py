"""Initial weights of a training: from rotated principal components, or random.

From small random weights the sparse penalty can win before any assembly has formed, and all weights
stay at zero. The principal components beyond chance, rotated until each involves few neurons,
already approximate the assemblies. Training therefore starts from weights made of them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.two_groups import two_values
from napari_crbm.model.start.chance import n_beyond_chance
from napari_crbm.model.start.components import (
    SURPLUS,
    principal_components,
    sparse_components,
)
from napari_crbm.model.start.refinement import all_assemblies, loading_limit, separated
from napari_crbm.spikes import Spikes

_MAX_WEIGHT = 3.0
_AUTO_MIN, _AUTO_MAX = 5, 200


class Start(NamedTuple):
    """Initial weights (N, M), fields (N,), and which weights (N, M) the recording supports.

    ``by_chance`` says that no component of the recording is beyond chance.
    """

    weights: NDArray[np.float32]
    fields: NDArray[np.float32]
    supported: NDArray[np.bool_]
    by_chance: bool = False


def random_start(spikes: Spikes, n_hidden: int, random_state: int) -> Start:
    """Draw small random weights, with independent neurons (paper, Methods)."""
    generator = np.random.default_rng(random_state)
    scale = np.sqrt(0.1 / spikes.n_neurons)
    weights = np.empty((spikes.n_neurons, n_hidden), dtype=np.float32)
    for rows in row_blocks(spikes.n_neurons):
        weights[rows] = generator.normal(0.0, scale, weights[rows].shape)
    return Start(weights, independent_fields(spikes), np.zeros(weights.shape, dtype=bool))


def independent_fields(spikes: Spikes) -> NDArray[np.float32]:
    """Compute the fields of independent neurons with the recorded mean activity, (N,)."""
    v = spikes.mean_activity
    return np.asarray(np.log((v + 1e-6) / (1 - v + 1e-6)), dtype=np.float32)


def assembly_start(
    spikes: Spikes,
    n_hidden: int | str,
    random_state: int,
    coordinates: NDArray[np.floating] | None = None,
    borders: Sequence[int] = (),
) -> Generator[int, None, Start]:
    """Compute initial weights from rotated principal components.

    As many components as exceed chance are refined, further ones are looked for in their residual,
    and all are separated, see `model.start.refinement`. Units beyond those that are found start
    without weights, and exist only if ``n_hidden`` asks for them.

    Parameters
    ----------
    spikes : Spikes
        Training frames.
    n_hidden : int or "auto"
        Number of hidden units M; "auto" uses as many as are found, 5 to 200.
    random_state : int
    coordinates : (N, D) float, optional
        Positions of the neurons in micrometres, see `model.start.chance.n_beyond_chance`.
    borders : sequence of int
        First frames of further segments, ascending.

    Yields
    ------
    int
        Assemblies found so far.

    Returns
    -------
    Start

    Raises
    ------
    ModelError
        If ``n_hidden`` is not positive.
    """
    if n_hidden != "auto" and int(n_hidden) < 1:
        raise ModelError(f"A model needs at least one hidden unit; found n_hidden = {n_hidden}.")
    most = min(_AUTO_MAX if n_hidden == "auto" else int(n_hidden), spikes.n_neurons)
    n_kept = n_beyond_chance(spikes, most, random_state, coordinates, borders)
    n_units = max(n_kept, _AUTO_MIN) if n_hidden == "auto" else most
    by_chance = n_kept == 0
    n_rotated = min(int(np.ceil(SURPLUS * (n_kept or n_units))), min(spikes.shape) - 1)
    components = principal_components(spikes, n_rotated, random_state)
    if by_chance:
        # Small random weights would all go to zero. They are for white noise alone, whose
        # components stay below the edge of Marchenko and Pastur.
        edge = (1 + np.sqrt(spikes.n_neurons / spikes.n_frames)) ** 2
        n_kept = min(int((components.variances > edge).sum()), n_units)
        if n_kept == 0:
            return random_start(spikes, n_units, random_state)._replace(by_chance=True)
        n_rotated = min(int(np.ceil(SURPLUS * n_kept)), n_rotated)
    rotated, rough = sparse_components(components, n_rotated, n_kept)
    del components
    yield n_kept
    courses, loadings = yield from all_assemblies(spikes, rotated, most, random_state, borders)
    if courses.shape[1] == 0:
        # In a short recording no assembly may be on for long enough to be refined.
        courses = rotated
        loadings = np.where(np.abs(rough) < loading_limit(spikes), 0, rough)
    n_found = courses.shape[1]
    if n_hidden == "auto":
        n_units = max(n_found, _AUTO_MIN)
    weights = np.zeros((spikes.n_neurons, n_units), dtype=np.float32)
    weights[:, :n_found] = weights_from_components(spikes, courses, loadings)
    weights[:, :n_found] = separated(spikes, weights[:, :n_found], loadings)
    if not weights.any():
        return random_start(spikes, n_units, random_state)._replace(by_chance=by_chance)
    fields = independent_fields(spikes) - added_odds(weights[:, :n_found], courses)
    return Start(weights, fields, weights != 0, by_chance)


def weights_from_components(
    spikes: Spikes, courses: NDArray[np.float32], loadings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute weights (N, K) that reproduce the loadings if every course is on or off.

    A weight is the difference of a neuron's log-odds at the two values of a course, per unit of h.
    """
    on, off, _ = two_values(courses)
    floor = 0.5 / spikes.n_frames
    weights = np.empty_like(loadings)
    for rows in row_blocks(len(loadings)):
        v = spikes.mean_activity[rows, None]
        covariance = loadings[rows] * np.sqrt(v * (1 - v))
        p_on = np.clip(v + covariance * on, floor, 0.98)
        p_off = np.clip(v + covariance * off, floor, 0.98)
        block = (logit(p_on) - logit(p_off)) / (on - off)
        block[loadings[rows] == 0] = 0.0
        weights[rows] = np.clip(block, -_MAX_WEIGHT, _MAX_WEIGHT)
    return weights


def added_odds(weights: NDArray[np.float32], courses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute how much units add to the log-odds (N,) on average; fields compensate for it."""
    on, off, share = two_values(courses)
    added = np.empty(len(weights), dtype=np.float32)
    for rows in row_blocks(len(weights)):
        block = weights[rows]
        odds = share * np.exp(block * on) + (1 - share) * np.exp(block * off)
        added[rows] = np.log(odds).sum(axis=1)
    return added
