"""Predicted responses of a tiny model against the sum over all states, two frames ahead."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import ModelError
from napari_crbm.model import DReLU
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes
from napari_crbm.temporal import Clamp, TemporalModel, respond
from napari_crbm.temporal.lags import filtered_past, lag_functions
from napari_crbm.temporal.responses import push

N, M, LAGS = 6, 2, 3
STATES = np.array(list(itertools.product([0, 1], repeat=N)), dtype=np.uint8)
NONE = np.empty(0, dtype=np.int64)
START = 20


@pytest.fixture(scope="module")
def tiny():
    """A temporal model of six neurons with strong couplings, and a recording of it."""
    generator = np.random.default_rng(0)
    units = DReLU(
        np.array([0.9, 1.2]), np.array([1.1, 0.8]), np.array([-0.6, 0.3]), np.array([0.2, -0.5])
    )
    rbm = RBM.from_parameters(
        generator.normal(0, 0.9, (N, M)), generator.normal(-0.6, 0.4, N), units
    )
    spikes = Spikes.from_dense(generator.random((40, N)) < 0.4)
    mean_h = rbm.mean_h_from_v(spikes).astype(float)
    functions = lag_functions(LAGS, 2)
    couplings = generator.normal(0, 0.8, (2, M, M))
    model = TemporalModel(
        rbm,
        functions,
        couplings,
        np.array([0.2, -0.1]),
        (rbm.fields + 0.1).astype(np.float32),
        mean_h.mean(axis=0),
        mean_h.std(axis=0),
        0.5,
    )
    return model, spikes


def frame(rbm, fields, drive):
    """Probability of every state given fields and the drive of the past."""
    inputs = STATES @ rbm.weights.astype(float) + drive
    log_p = STATES @ fields + rbm.hidden.cumulant(inputs).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    return p / p.sum()


def exact(model, spikes, clamp, n_frames=2):
    """Probability of the neurons (T, N) and expected activity (T, M), by enumeration."""
    rbm, fields = model.rbm, model.fields.astype(float)
    held = clamp is not None and clamp.unit >= 0
    if held:
        weights = rbm.weights.copy()
        fields = fields + clamp.value * weights[:, clamp.unit]
        weights[:, clamp.unit] = 0
        rbm = RBM.from_parameters(weights, rbm.fields, rbm.hidden)
    group = NONE if clamp is None else clamp.neurons
    seen = model.standardised(rbm.hidden.mean((STATES @ rbm.weights).astype(np.float32)))
    if held:
        seen[:, clamp.unit] = (clamp.value - model.centre[clamp.unit]) / model.scale[clamp.unit]
    pasts = [(1.0, list(model.activity(spikes)[: START + 1]))]
    neurons, activity = [], []
    for _ in range(n_frames):
        drives = [
            model.drive(filtered_past(np.array([*p, p[0]]), model.functions)[[-1]])[0]
            for _, p in pasts
        ]

        def mixture(push_by, pasts=pasts, drives=drives):
            own = fields.copy()
            own[group] += push_by
            return [w * frame(rbm, own, d) for (w, _), d in zip(pasts, drives, strict=True)]

        by = 0.0
        if clamp is not None and not held:
            by = -60.0
            if clamp.level is not None:
                low, high = 0.0, 30.0
                for _ in range(60):
                    by = (low + high) / 2
                    mean = sum(mixture(by)) @ STATES[:, group].sum(axis=1)
                    low, high = (low, by) if mean >= clamp.level else (by, high)
        parts = mixture(by)
        total = sum(parts)
        neurons.append(total @ STATES)
        activity.append(total @ seen)
        pasts = [
            (p[k], [*past, seen[k]])
            for p, (_, past) in zip(parts, pasts, strict=True)
            for k in range(len(STATES))
        ]
    return np.array(neurons), np.array(activity)


CLAMPS = {
    "silent": Clamp(np.array([1, 4])),
    "driven": Clamp(np.array([0, 2, 5]), 2.2),
    "held": Clamp(NONE, None, 1, 1.5),
}


@pytest.mark.parametrize("kind", CLAMPS)
def test_courses_are_those_of_the_sum_over_all_states(tiny, kind):
    model, spikes = tiny
    clamp = CLAMPS[kind]
    found = respond(model, spikes, [START], 2, clamp, n_particles=3000, gibbs_steps=24)
    assert found.times_s.tolist() == [0.5, 1.0]
    for part, each in enumerate((None, clamp)):
        neurons, activity = exact(model, spikes, each)
        assert found.neurons[part] == pytest.approx(neurons, abs=0.012)
        assert found.assemblies[part].mean(axis=1) == pytest.approx(activity, abs=0.05)
    change = np.abs(exact(model, spikes, clamp)[0] - exact(model, spikes, None)[0])
    assert change[:, [k for k in range(N) if k not in clamp.neurons]].max() > 0.02


def test_clamps_do_what_they_say(tiny):
    model, spikes = tiny
    silent, driven, held = (
        respond(model, spikes, [START], 3, CLAMPS[kind], lasting=2, n_particles=500)
        for kind in CLAMPS
    )
    assert (silent.neurons[1, :2][:, [1, 4]] == 0).all() and (silent.neurons[1, 2] > 0).all()
    group = CLAMPS["driven"].neurons
    assert driven.neurons[1, :2][:, group].sum(axis=1) == pytest.approx([2.2, 2.2], abs=0.1)
    assert driven.neurons[1, 2][group].sum() < 2.0
    value = (1.5 - model.centre[1]) / model.scale[1]
    assert held.assemblies[1, :2, :, 1] == pytest.approx(np.full((2, 500), value), abs=1e-5)
    assert not np.allclose(held.assemblies[1, 2, :, 1], value)
    for each in (silent, driven, held):
        assert np.array_equal(each.neurons[0], silent.neurons[0])


def test_without_an_event_both_courses_are_the_same(tiny):
    model, spikes = tiny
    nothing = respond(model, spikes, [START], 3, Clamp(np.array([0, 1]), 0.0), n_particles=200)
    assert np.array_equal(nothing.neurons[0], nothing.neurons[1])
    assert np.array_equal(nothing.assemblies[0], nothing.assemblies[1])


def test_groups_are_means_and_pasts_are_replicates(tiny):
    model, spikes = tiny
    groups = sparse.csr_array(np.array([[0.5, 0.5, 0, 0, 0, 0]], dtype=np.float32).T)
    starts = np.arange(5, 25, 2)
    found = respond(model, spikes, starts, 2, CLAMPS["silent"], groups=groups, n_particles=40)
    assert found.groups.shape == (2, 2, 10, 1) and found.assemblies.shape == (2, 2, 10, M)
    expected = found.neurons[..., :2].mean(axis=-1)
    assert found.groups[..., 0].mean(axis=-1) == pytest.approx(expected, abs=1e-5)


def test_results_are_reproducible_and_can_be_cancelled(tiny):
    model, spikes = tiny
    one = respond(model, spikes, [START], 2, CLAMPS["driven"], n_particles=100)
    again = respond(model, spikes, [START], 2, CLAMPS["driven"], n_particles=100)
    assert np.array_equal(one.neurons, again.neurons)

    def cancel(done, total):
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        respond(model, spikes, [START], 2, CLAMPS["driven"], n_particles=100, report=cancel)


def test_impossible_questions_are_refused(tiny):
    model, spikes = tiny
    with pytest.raises(ModelError, match="look back"):
        respond(model, spikes, [0], 2, CLAMPS["silent"])
    with pytest.raises(ModelError, match="at least one frame"):
        respond(model, spikes, [START], 0, CLAMPS["silent"])


def test_the_push_is_the_smallest_that_suffices():
    odds = np.random.default_rng(0).normal(-1, 1, (50, 4))
    found = push(odds, 2.5)
    assert (1 / (1 + np.exp(-odds - found))).sum(axis=1).mean() == pytest.approx(2.5)
    assert push(odds, 0.1) == 0.0
