"""Whole-array operations against the compiled kernels and float64; trainings on both."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numba.core.errors import TypingError
from scipy import special

from napari_crbm.errors import ModelError
from napari_crbm.io import load_checkpoint, load_model, save_checkpoint, save_model
from napari_crbm.model import Settings, Training
from napari_crbm.model.backends import NUMBA, choice
from napari_crbm.model.compute.array_random import subkeys, uniforms
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.kernels.weight_update import (
    ACTIVE,
    SILENT,
)
from napari_crbm.model.compute.randomness import stream, subkey, uniform32
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.training import weight_selection
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes
from tests.conftest import planted_raster
from tests.model import strict_device
from tests.model.training.test_training import SHORT, run, same, stop_at

N, M, B = 500, 9, 70
BACKEND = strict_device.backend()
put, get = BACKEND.put, BACKEND.get


@pytest.fixture
def gpu(monkeypatch):
    """A machine whose GPU is the strict array module."""
    monkeypatch.setattr(choice, "gpu_problem", lambda: None)
    monkeypatch.setattr(choice, "_gpu_backend", lambda: BACKEND)


@pytest.fixture(params=[0.1, 0.9], ids=["sparse", "dense"])
def weights(request):
    generator = np.random.default_rng(0)
    values = generator.normal(0, 0.3, (N, M)).astype(np.float32)
    values[generator.random((N, M)) > request.param] = 0
    return values


@pytest.fixture
def fields():
    return np.random.default_rng(1).normal(-3, 0.5, N).astype(np.float32)


@pytest.fixture
def raster():
    return np.random.default_rng(2).random((B, N)) < 0.05


def units(seed: int = 0) -> DReLU:
    generator = np.random.default_rng(seed)
    stiff = generator.uniform(0.3, 4, (2, M))
    return DReLU(*stiff, *generator.normal(0, 3, (2, M)))


def on_device(hidden: DReLU) -> DReLU:
    return DReLU(*(put(row) for row in hidden))


def forms(weights):
    """The same weights for both backends."""
    roles = np.where(weights != 0, ACTIVE, SILENT)
    nothing = np.zeros_like(weights)
    return efficient(weights), BACKEND.active_set(weights.copy(), nothing, roles).form


def test_random_numbers_are_those_of_the_kernels():
    key = stream(7, 1)
    counters = np.array([0, 1, 2, 1000, 44_054], dtype=np.uint64)
    keys = get(subkeys(strict_device.Module(), key, put(counters)))
    assert keys.tolist() == [int(subkey(key, int(c))) for c in counters]
    found = get(uniforms(strict_device.Module(), put(keys), 50))
    assert found.dtype == np.float32
    for row, own in zip(found, keys.tolist(), strict=True):
        low, high = np.uint32(own & 0xFFFFFFFF), np.uint32(own >> 32)
        assert row.tolist() == [float(uniform32(low, high, np.uint32(c))) for c in range(50)]


INPUTS = np.concatenate([np.linspace(-60, 60, 41), [-1e-3, 0.0, 1e-3]])[:, None] * np.ones(M)


def test_moments_agree_with_the_kernels():
    hidden = units()
    expected, found = hidden.moments(INPUTS), BACKEND.moments(put(INPUTS), on_device(hidden))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(get(other), one, rtol=1e-11, atol=1e-300)
    mean = get(BACKEND.mean(put(INPUTS), on_device(hidden)))
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, expected.mean, rtol=1e-6)


def test_moments_agree_with_log_ndtr():
    hidden = units(1)
    gp, gm, tp, tm = hidden
    xp, xm = (tp - INPUTS) / np.sqrt(gp), (tm + INPUTS) / np.sqrt(gm)
    log_plus = special.log_ndtr(-xp) + xp**2 / 2 - np.log(gp) / 2
    log_minus = special.log_ndtr(-xm) + xm**2 / 2 - np.log(gm) / 2
    p = np.exp(log_plus - np.logaddexp(log_plus, log_minus))

    def hazard(x):
        return np.exp(-(x**2) / 2 - special.log_ndtr(-x)) / np.sqrt(2 * np.pi)

    mean = p * (hazard(xp) - xp) / np.sqrt(gp) - (1 - p) * (hazard(xm) - xm) / np.sqrt(gm)
    moments = BACKEND.moments(put(INPUTS), on_device(hidden))
    np.testing.assert_allclose(get(moments.mean), mean, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_hidden_units_are_drawn_as_by_the_kernels(seed):
    """The same random numbers, so every draw can be compared."""
    hidden, key = units(seed), stream(3, seed)
    inputs = np.random.default_rng(seed).normal(0, 6, (2000, M)).astype(np.float32)
    expected = hidden.sample(inputs, key)
    found = get(BACKEND.sample(put(inputs), on_device(hidden), key))
    assert found.dtype == np.float32
    other_side = np.sign(found) * np.sign(expected) < 0
    assert other_side.mean() < 1e-4, "but for a number beside the probability of a side"
    close = np.isclose(found, expected, rtol=1e-4, atol=1e-4)
    assert (close | other_side).all()


def test_projections(weights, raster):
    spikes = Spikes.from_dense(raster)
    frames = np.array([5, 3, 64, 69, 0])
    found = put(np.empty((5, M), dtype=np.float32))
    form = forms(weights)[1]
    form.project_frames(BACKEND.raster(spikes), frames, found)
    np.testing.assert_allclose(get(found), raster[frames].astype(float) @ weights, atol=1e-5)
    activity = BACKEND.activity(bits_from_dense(raster), B)
    inputs = put(np.empty((B, M), dtype=np.float32))
    form.project_bits(activity, inputs)
    np.testing.assert_allclose(get(inputs), raster.astype(float) @ weights, atol=1e-5)


def test_activity_goes_in_and_out(raster):
    spikes, bits = Spikes.from_dense(raster), bits_from_dense(raster)
    activity = BACKEND.activity(bits, B)
    assert np.array_equal(BACKEND.bits(activity), bits)
    rates = [get(BACKEND.rates(activity, B)), NUMBA.rates(bits, B)]
    np.testing.assert_allclose(*rates, rtol=1e-15)
    frames = np.arange(B)[::-1]
    BACKEND.take_frames(BACKEND.raster(spikes), frames, activity)
    assert np.array_equal(dense_from_bits(BACKEND.bits(activity), B), raster[frames])


@pytest.mark.parametrize("n_steps", [1, 3])
def test_gibbs_steps_are_those_of_the_kernels(weights, fields, raster, n_steps):
    hidden, key = units(2), stream(4)
    ours, theirs = forms(weights)
    bits = bits_from_dense(raster)
    activity = BACKEND.activity(bits.copy(), B)
    inputs = (raster @ weights).astype(np.float32)
    on_array = put(inputs)
    with kernel_threads():
        ours.gibbs(fields, hidden, inputs, bits, key, n_steps)
    theirs.gibbs(put(fields), on_device(hidden), on_array, activity, key, n_steps)
    found = dense_from_bits(BACKEND.bits(activity), B)
    assert np.mean(found != dense_from_bits(bits, B)) < 1e-4 * n_steps
    np.testing.assert_allclose(get(on_array), found.astype(float) @ weights, atol=1e-4)


def test_ascent_and_revision_are_those_of_the_kernels(weights, fields, raster):
    generator = np.random.default_rng(2)
    chains = generator.random((B, N)) < 0.05
    values = generator.normal(0, 0.02, (2, B, M)).astype(np.float32)
    mean = generator.uniform(0, 0.1, N).astype(np.float32)
    centre = generator.normal(0, 0.1, M).astype(np.float32)
    rates = tuple(np.float32(v) for v in (0.05, 0.02, 0.9, 10.0, 1e-6, 0.03))
    roles = np.where(weights != 0, ACTIVE, SILENT)
    moment = generator.uniform(0, 1e-3, (N, M)).astype(np.float32)
    gradient = generator.normal(0, 0.05, (N, M)).astype(np.float32)
    mean_hidden = generator.normal(0, 2, M)
    results = []
    for backend in (NUMBA, BACKEND):
        to, back = backend.put, backend.get
        active = backend.active_set(weights.copy(), moment.copy(), roles.copy())
        means, own_fields = (to(mean), to(mean_hidden)), to(fields.copy())
        inputs = to(np.empty((B, M), dtype=np.float32))
        with kernel_threads():
            shift = active.step(
                (backend.activity(bits_from_dense(raster), B), to(values[0])),
                (backend.activity(bits_from_dense(chains), B), to(values[1])),
                to(centre),
                rates,
                means,
                own_fields,
                inputs,
            )
        step = [active.dense().copy(), active.second_moment().copy(), back(inputs).copy()]
        step += [back(shift), np.array([active.largest(), active.gradient_rms()])]
        step += [back(own_fields).copy()]
        limits = weight_selection.limits_of(0.06, to(mean), 0.02, M)
        rule = partial(weight_selection.select, to(gradient), limits)
        before = active.roles.copy()
        active.revise(rule)
        assert (active.roles > before).any() and (active.roles < before).any()
        step += [active.roles.copy(), active.dense().copy()]
        results.append(step)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-6)
    assert np.array_equal(results[0][6], results[1][6])


def test_the_little_noise_gradient_is_that_of_the_kernels(weights, fields, raster):
    generator = np.random.default_rng(3)
    spikes = Spikes.from_dense(raster)
    factors = generator.normal(0, 0.1, (B, M)).astype(np.float32)
    hidden = generator.normal(0, 1, (B, M)).astype(np.float32)
    centred = hidden - hidden.mean(axis=0)
    probability = 1 / (1 + np.exp(-(hidden.astype(float) @ weights.T + fields)))
    exact = raster.T.astype(float) @ factors - probability.T @ centred / B
    roles = np.where(weights != 0, ACTIVE, SILENT)
    for backend in (NUMBA, BACKEND):
        gradient = backend.correlate(backend.raster(spikes), backend.put(factors))
        active = backend.active_set(weights.copy(), np.zeros_like(weights), roles)
        with kernel_threads():
            backend.subtract_expected(
                active, backend.put(fields), backend.put(hidden), backend.put(centred), gradient
            )
        np.testing.assert_allclose(backend.get(gradient), exact, atol=1e-5)


# --- trainings ----------------------------------------------------------------------------


def test_the_first_updates_are_those_of_the_processor(planted, gpu):
    spikes, _ = planted
    settings = replace(SHORT, n_updates=2)
    ours, theirs = (Training(spikes, replace(settings, device=d)) for d in ("cpu", "gpu"))
    one, other = run(ours), run(theirs)
    assert theirs.settings.device == "gpu"
    np.testing.assert_allclose(other.weights_, one.weights_, atol=5e-4)
    np.testing.assert_allclose(other.fields_, one.fields_, atol=5e-3)
    for a, b in zip(other.hidden_, one.hidden_, strict=True):
        np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


def test_training_on_a_device_is_as_good_as_on_the_processor(gpu):
    spikes, membership = planted_raster(n_neurons=150, n_frames=800)
    settings = Settings(n_hidden=8, n_updates=115, n_chains=30, l1=0.05)
    ours, theirs = (Training(spikes, replace(settings, device=d)) for d in ("cpu", "gpu"))
    models = [run(ours), run(theirs)]
    assert theirs.learner.active._few, "the case must reach the sparse phase"
    for model in models:
        size = np.abs(model.weights_)
        for members in membership.T:
            separation = (size[members][:, None] > size[~members]).mean(axis=(0, 1))
            assert separation.max() > 0.95
    for name, tolerance in (("test_pseudo_likelihood", 1e-4), ("mean_abs_weight", 1e-3)):
        final = [model.history_[name][-1] for model in models]
        assert final[1] == pytest.approx(final[0], abs=tolerance), name


def test_a_resumed_training_on_a_device_equals_an_uninterrupted_one(planted, gpu):
    spikes, _ = planted
    settings = replace(SHORT, device="gpu")
    expected = run(Training(spikes, settings))
    first = Training(spikes, settings)
    stop_at(first, 23)
    run(first)
    assert same(run(Training(spikes, resume=first.checkpoint())), expected)


@pytest.mark.parametrize(("start", "end"), [("gpu", "cpu"), ("cpu", "gpu")])
def test_a_checkpoint_moves_between_devices(planted, gpu, tmp_path, start, end):
    spikes, _ = planted
    first = Training(spikes, replace(SHORT, device=start))
    stop_at(first, 20)
    run(first)
    path = save_checkpoint(first.checkpoint(), tmp_path / "moving.h5")
    second = Training(spikes, replace(SHORT, device=end), resume=load_checkpoint(path))
    model = run(second)
    assert second.settings == replace(first.settings, device=end)
    assert second.update == SHORT.n_updates
    here = run(Training(spikes, resume=load_checkpoint(path)))
    np.testing.assert_allclose(model.weights_, here.weights_, atol=0.3)
    assert np.corrcoef(model.weights_.ravel(), here.weights_.ravel())[0, 1] > 0.99
    loaded = load_model(save_model(model, tmp_path / "model.h5"))
    assert loaded.settings_.device == end


# --- choosing -----------------------------------------------------------------------------


def test_a_missing_gpu_is_said_in_words(planted, monkeypatch):
    monkeypatch.setattr(choice, "gpu_problem", lambda: "this machine has no NVIDIA GPU")
    with pytest.raises(ModelError, match=r"GPU was asked for, but this machine has no .*'cpu'"):
        Training(planted[0], replace(SHORT, device="gpu"))
    assert Training(planted[0], replace(SHORT, device="auto")).settings.device == "cpu"


def test_a_gpu_is_taken_where_there_is_one(planted, gpu):
    assert Training(planted[0], replace(SHORT, device="auto")).settings.device == "gpu"
    assert Training(planted[0], SHORT).settings.device == "cpu"


def test_why_there_is_no_gpu():
    problem = choice.gpu_problem()
    assert problem is None or "CuPy" in problem or "GPU" in problem


def test_unknown_devices_are_refused():
    with pytest.raises(ModelError, match="device must be 'cpu', 'gpu' or 'auto'; found 'tpu'"):
        Settings(device="tpu")


def test_cupy_has_every_function_that_is_used():
    cupy = pytest.importorskip("cupy")
    missing = {name for name in strict_device.asked if not hasattr(cupy, name)}
    assert strict_device.asked and not missing


def test_the_strict_device_is_strict():
    array = put(np.ones(3))
    for mistake in (
        lambda: np.asarray(array),
        lambda: array + np.ones(3),
        lambda: np.where(array > 0, array, np.ones(3)),
        lambda: units().mean(array[:, None]),
    ):
        with pytest.raises((TypeError, ValueError, AttributeError, TypingError)):
            mistake()
