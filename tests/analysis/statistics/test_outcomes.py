"""Every outcome of the verdict is reached by a model made to deserve it, and by no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.analysis import Outcome, evaluate_held_out
from napari_crbm.model import CRBM, DReLU
from napari_crbm.model.sampling.draw import draw
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes

N, SIZE, UNITS = 60, 15, 4


def crbm(n_units: int = UNITS, *, moved: int = 0) -> CRBM:
    """Return a model of disjoint assemblies of 15 neurons."""
    weights = np.zeros((N, n_units), dtype=np.float32)
    for unit in range(n_units):
        weights[(np.arange(SIZE) + SIZE * unit + moved) % N, unit] = 0.55
    units = DReLU(*(np.full(n_units, value) for value in (1.0, 1.0, -0.3, -0.3)))
    # Neurons without a unit have their mean activity.
    fields = np.where(weights.any(axis=1), -3.0, -2.2)
    return CRBM.from_parameters(weights, fields, units)


def frames(model: CRBM, n_frames: int, seed: int) -> Spikes:
    return model.sample(n_frames, n_chains=500, burn_in=200, thin=10, random_state=seed)


def recorded(*parts: Spikes) -> Recording:
    raster = np.concatenate([part.dense() for part in parts])
    return Recording(None, Spikes.from_dense(raster), np.arange(len(raster)) * 0.25)


def judged(model: CRBM, recording: Recording, n_train: int):
    every = np.arange(recording.spikes.n_frames)
    model.split_ = {"train": every[:n_train], "test": every[n_train:]}
    return evaluate_held_out(model, recording, n_samples=4000, n_chains=200)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return recorded(frames(crbm(), 4000, 1))


@pytest.fixture(scope="module")
def good(recording):
    return judged(crbm(), recording, 2800)


def test_the_right_model_reproduces_all(good):
    assert good.judgement.outcome == Outcome.REPRODUCES, good
    assert good.table.loc["cov_vv", "explained"] == pytest.approx(1, abs=0.15)
    assert "more updates" not in good.verdict and "nan" not in good.verdict


def test_a_model_of_two_of_four_assemblies_has_too_few_units(recording):
    found = judged(crbm(2), recording, 2800)
    assert found.judgement.outcome == Outcome.TOO_FEW_UNITS, found
    assert "2 components" in found.verdict and "at least 2 more assemblies" in found.verdict


def test_a_model_that_learned_the_noise_is_overfitted(recording):
    short = recorded(recording.spikes.select_frames(np.arange(600)))
    model = CRBM(20, n_updates=150, l1=1e-5, n_test_blocks=0, n_threads=1)
    model.fit(short.spikes.select_frames(np.arange(300)))
    found = judged(model, short, 300)
    assert found.judgement.outcome == Outcome.OVERFITTED, found
    assert "fewer assemblies or a stronger penalty" in found.verdict


def test_units_of_independent_neurons_are_no_evidence():
    rng = np.random.default_rng(0)
    free = Spikes.from_dense(rng.random((1500, N)) < 0.08)
    found = judged(crbm(), recorded(free), 1000)
    assert found.judgement.outcome == Outcome.NO_EVIDENCE, found
    assert "none of 4 units" in found.verdict and "rain longer" not in found.verdict


def test_other_assemblies_in_the_held_out_frames_are_irregular():
    # The same neurons are held together by the model, but not by the held-out frames.
    mixed = recorded(frames(crbm(), 1500, 1), frames(crbm(moved=7), 1500, 2))
    found = judged(crbm(), mixed, 1500)
    assert found.judgement.outcome == Outcome.IRREGULAR, found


def test_few_frames_are_too_short(recording):
    short = recorded(recording.spikes.select_frames(np.arange(110)))
    found = judged(crbm(), short, 70)
    assert found.judgement.outcome == Outcome.TOO_SHORT, found
    assert "Record for longer" in found.verdict


def test_chains_that_did_not_settle_say_nothing(good, recording, monkeypatch):
    import napari_crbm.model

    def unsettled(*args, **options):
        return replace(draw(*args, **options), r_hat=np.array([2.0]))

    monkeypatch.setattr(napari_crbm.model, "draw", unsettled)
    found = judged(crbm(), recording, 2800)
    assert found.judgement.outcome == Outcome.NOT_SETTLED, found
    assert found.warning


def test_weaker_weights_do_not_reproduce(recording):
    model = crbm()
    model.weights_[:] *= np.float32(0.85)
    found = judged(model, recording, 2800)
    assert found.judgement.outcome == Outcome.DOES_NOT_REPRODUCE, found
    assert "covariances of neurons" in found.verdict and "more updates" in found.verdict
