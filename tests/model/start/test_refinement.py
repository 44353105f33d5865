"""Assemblies that share neurons, told apart before training starts."""

import numpy as np
import pytest

from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.start import initialise
from napari_crbm.model.start.initialise import (
    assembly_start,
    weights_from_components,
)
from napari_crbm.model.start.refinement import all_assemblies, loading_limit, refine, separated
from napari_crbm.model.training.progress import outcome
from napari_crbm.spikes import Spikes

# Neurons of each assembly: the second lies within the first, the third shares some of it.
MEMBERS = (slice(0, 200), slice(0, 80), slice(150, 270))
N_NEURONS, N_FRAMES = 400, 3000


@pytest.fixture(scope="module")
def shared() -> tuple[Spikes, np.ndarray, np.ndarray]:
    """Spikes, when the assemblies are on (T, 3), and their members (N, 3)."""
    generator = np.random.default_rng(0)
    on = generator.random((N_FRAMES, len(MEMBERS))) < (0.15, 0.1, 0.2)
    members = np.zeros((N_NEURONS, len(MEMBERS)), dtype=bool)
    for k, rows in enumerate(MEMBERS):
        members[rows, k] = True
    silent = 0.97 * np.prod(1 - 0.35 * on[:, None, :] * members, axis=2)
    return Spikes.from_dense(generator.random((N_FRAMES, N_NEURONS)) >= silent), on, members


def mixed(on: np.ndarray) -> np.ndarray:
    """Courses as a rough rotation gives them: each with something of the others, and noise."""
    generator = np.random.default_rng(1)
    z = (on - on.mean(axis=0)) / on.std(axis=0)
    turned = z + 0.25 * np.roll(z, 1, axis=1) + 0.2 * generator.normal(size=z.shape)
    return (turned / turned.std(axis=0)).astype(np.float32)


def agreement(courses: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Correlations (3, 3) of courses with when assemblies are on."""
    return np.corrcoef(courses.T, on.T)[:3, 3:]


def foreign_share(answers: np.ndarray) -> float:
    """The largest element off the diagonal, in terms of the diagonal's of its column."""
    shares = answers / np.diag(answers)
    return float(np.abs(shares - np.eye(len(shares))).max())


def test_courses_of_assemblies_that_share_neurons_come_apart(shared):
    spikes, on, members = shared
    rough = mixed(on)
    assert foreign_share(agreement(rough, on)) > 0.2
    with kernel_threads(1):
        courses, loadings = refine(spikes, rough, loading_limit(spikes))
    found = agreement(courses, on)
    assert np.diag(found).min() > 0.9
    assert foreign_share(found) < 0.05
    np.testing.assert_allclose(courses.std(axis=0), 1, rtol=1e-4)
    assert (loadings[members] > 0).mean() > 0.99
    assert (loadings[~members] == 0).mean() > 0.98, "a member of one is none of the others"


def test_loadings_are_what_neurons_owe_to_each_course(shared):
    spikes, on, _ = shared
    with kernel_threads(1):
        _, loadings = refine(spikes, mixed(on), loading_limit(spikes))
    z = (on - on.mean(axis=0)) / on.std(axis=0)
    v = spikes.mean_activity
    x = (spikes.dense(slice(None)) - v) / np.sqrt(v * (1 - v))
    wanted = np.linalg.lstsq(z, x, rcond=None)[0].T
    # Courses that have no error would load a little more.
    significant = loadings != 0
    np.testing.assert_allclose(loadings[significant], wanted[significant], atol=0.06)


@pytest.mark.parametrize(("most", "n_found"), [(10, 3), (2, 2)])
def test_assemblies_hidden_behind_larger_ones_are_found(shared, most, n_found):
    spikes, on, members = shared
    with kernel_threads(1):
        search = all_assemblies(spikes, mixed(on)[:, [0, 2]], most, 0)
        n_at_first = next(search)
        courses, loadings = outcome(search)
    assert n_at_first == 2
    assert courses.shape[1] == loadings.shape[1] == n_found
    # In the order in which they were found.
    found = np.corrcoef(courses.T, on[:, [0, 2, 1]].T)[:n_found, n_found:]
    assert np.diag(found)[:2].min() > 0.9
    if n_found == 3:
        assert found[2, 2] > 0.85
        assert (loadings[members[:, 1], 2] > 0).mean() > 0.95
        assert (loadings[~members[:, 1], 2] == 0).mean() > 0.9


@pytest.mark.parametrize("at_first", [False, True])
def test_frames_in_which_many_fire_are_no_assembly(shared, at_first):
    spikes, on, _ = shared
    burst = np.isin(np.arange(N_FRAMES), [500, 1500, 2500])
    raster = spikes.dense(slice(None)).astype(bool)
    raster[burst, 270:] = True
    courses = mixed(on)
    if at_first:
        courses = np.column_stack([(burst - burst.mean()) / burst.std(), courses])
    with kernel_threads(1):
        spikes = Spikes.from_dense(raster)
        search = all_assemblies(spikes, courses.astype(np.float32), 10, 0)
        courses, _ = outcome(search)
    assert courses.shape[1] == 3
    assert np.diag(agreement(courses, on)).min() > 0.9


def test_bursts_alone_are_by_chance():
    generator = np.random.default_rng(0)
    raster = generator.random((600, 300)) < 0.03
    raster[[100, 300]] = True
    with kernel_threads(1):
        start = outcome(assembly_start(Spikes.from_dense(raster), "auto", 0))
    assert start.by_chance


def test_inputs_answer_to_their_own_assembly_alone(shared):
    spikes, on, members = shared
    with kernel_threads(1):
        courses, loadings = refine(spikes, mixed(on), loading_limit(spikes))
        weights = weights_from_components(spikes, courses, loadings)
        apart = separated(spikes, weights, loadings)
    raster = spikes.dense(slice(None)).astype(np.float32)

    def foreign(weights: np.ndarray) -> float:
        """Most that inputs answer to another assembly, in terms of their own."""
        design = np.column_stack([on, np.ones(N_FRAMES)])
        return foreign_share(np.linalg.lstsq(design, raster @ weights, rcond=None)[0][:3])

    assert foreign(weights) > 0.8
    assert foreign(apart) < 0.4
    assert (apart <= weights).all(), "nothing is added but weights against others"
    assert (apart[members] > 0).mean() > 0.9


def test_an_assembly_without_neurons_has_no_weights(shared):
    spikes, on, _ = shared
    with kernel_threads(1):
        courses, loadings = refine(spikes, mixed(on), loading_limit(spikes))
        loadings[:, 1] = 0
        weights = weights_from_components(spikes, courses, loadings)
        apart = separated(spikes, weights, loadings)
    assert np.isfinite(apart).all()
    assert not apart[:, 1].any()
    assert apart[:, 0].any()


def test_units_that_no_component_asks_for_wait(shared, monkeypatch):
    spikes, _, _ = shared
    monkeypatch.setattr(initialise, "_AUTO_MIN", 1)
    with kernel_threads(1):
        start = outcome(assembly_start(spikes, "auto", 0))
        asked = outcome(assembly_start(spikes, 6, 0))
    assert start.weights.shape[1] == 3
    spare = ~asked.supported.any(axis=0)
    assert spare.sum() == 3 and not asked.weights[:, spare].any()
