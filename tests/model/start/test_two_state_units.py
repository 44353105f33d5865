"""Potentials for assemblies that are on or off: stable where they should be, and only there."""

import numpy as np
import pytest

from napari_crbm.model import Settings, Training
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.compute import model_size
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.two_groups import on_frames
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.start.two_state_units import input_state
from napari_crbm.model.training import initial
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.units.drelu.two_states import two_wells
from napari_crbm.model.units.protocol import TwoStateUnits
from napari_crbm.simulation import simulate

SHARE, P_ON, P_OFF = 0.2, 0.5, 0.05


def one_assembly(size: int = 300, n_frames: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Raster (T, N) of an assembly, and when it is on."""
    generator = np.random.default_rng(0)
    on = generator.random(n_frames) < SHARE
    rates = np.where(on[:, None], P_ON, P_OFF)
    return generator.random((n_frames, size)) < rates, on


def made_for(raster: np.ndarray) -> tuple[TwoStateUnits, np.ndarray, np.ndarray]:
    """Wells of one unit with the weights of an on/off course, its inputs, and S in both states."""
    gap = 1 / np.sqrt(SHARE * (1 - SHARE))
    slope = np.log(P_ON / (1 - P_ON)) - np.log(P_OFF / (1 - P_OFF))
    weights = np.full((raster.shape[1], 1), slope / gap)
    inputs = raster @ weights
    on = on_frames(inputs)
    noise = [
        (weights**2 * p.T * (1 - p.T)).sum(axis=0)
        for p in (frames.T.astype(float) @ raster / max(frames.sum(), 1) for frames in (on, ~on))
    ]
    states = [input_state(inputs, f, s) for f, s in zip((on, ~on), noise, strict=True)]
    return two_wells(*states, len(raster)), inputs, np.array(noise)


def test_both_states_are_stable_and_of_unit_variance():
    raster, on = one_assembly()
    made, inputs, noise = made_for(raster)
    assert made.chosen.all()
    # A slope of the map from h to the next h of one or more would leave the state.
    stiffness = np.array([made.units.gamma_plus, made.units.gamma_minus])
    assert (noise / stiffness < 0.5).all()
    h = made.units.moments(inputs.astype(np.float32))
    assert (np.sign(h.mean[:, 0]) == np.where(on, 1, -1)).mean() > 0.99
    assert h.square.mean() - h.mean.mean() ** 2 == pytest.approx(1, abs=0.05)
    assert h.mean.mean() == pytest.approx(float(made.mean[0]), abs=0.02)


def test_an_input_in_doubt_makes_both_states_likely():
    raster, on = one_assembly()
    made, inputs, _ = made_for(raster)
    means, sds = ([f(inputs[k]) for k in (on, ~on)] for f in (np.mean, np.std))
    doubt = (means[0] * sds[1] + means[1] * sds[0]) / sum(sds)
    positive = made.units.moments(np.array([[doubt]], dtype=np.float32)).plus[0]
    negative = made.units.moments(np.array([[doubt]], dtype=np.float32)).minus[0]
    stiff_up, stiff_down = made.units.gamma_plus[0], made.units.gamma_minus[0]
    up = (doubt - made.units.theta_plus[0]) / stiff_up
    down = (-doubt - made.units.theta_minus[0]) / stiff_down
    assert positive[0, 0] / up == pytest.approx(0.5, abs=0.05)
    assert negative[0, 0] / down == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("case", ["graded", "rare", "no weights"])
def test_units_without_two_states_are_left_alone(case):
    generator = np.random.default_rng(0)
    raster, _ = one_assembly()
    if case == "graded":
        rates = generator.uniform(P_OFF, P_ON, (2000, 1))
        raster = generator.random((2000, 300)) < rates
    if case == "rare":
        raster = generator.random((2000, 300)) < P_OFF
        raster[:5] = generator.random((5, 300)) < P_ON
    made, _, _ = made_for(raster if case != "no weights" else raster[:, :0])
    assert not made.chosen.any()
    assert all(np.isfinite(row).all() for row in made.units)


def unchanged(unit_type, hidden, weights, *_):
    return hidden, np.zeros(len(weights), dtype=np.float32)


def test_recorded_states_stay_better_after_a_short_training():
    """Of chains from frames with the largest assembly on: its active neurons sixty steps later."""
    simulation = simulate(2000, 2000, 6, "noisy-or", mean_activity=0.04, seed=3)
    spikes, membership = simulation.recording.spikes, simulation.truth.membership
    members = membership[:, membership.sum(axis=0).argmax()]
    counts = spikes.dense(np.arange(spikes.n_frames))[:, members].sum(axis=1)
    on = on_frames(counts[:, None].astype(float))[:, 0]
    start = spikes.select_frames(np.flatnonzero(on))
    ratios = []
    for made in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model_size, "FEW", 0)
            if not made:
                patch.setattr(initial, "with_two_states", unchanged)
            settings = Settings(n_hidden=6, n_updates=300, jumps=False, n_test_blocks=0)
            training = Training(spikes, settings)
            for _ in training:
                pass
        chains = Chains(training.model(), 200, start=start, jumps=False)
        with kernel_threads():
            chains.advance(60)
        ratios.append(chains.state()[:, members].sum(axis=1).mean() / counts[on].mean())
    without, made = (0.55 < ratio < 1.2 for ratio in ratios)
    assert made and not without


def test_units_of_small_models_have_one_well(planted):
    settings = Settings(n_hidden=6)
    with kernel_threads():
        learner = Learner.started(planted[0], settings, NUMBA)
    assert not learner.hidden.delta.any() and not learner.hidden.eta.any()
