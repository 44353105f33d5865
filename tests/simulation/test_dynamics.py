"""Coupled assemblies: what follows what, and what clamping them does."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.errors import SettingError
from napari_crbm.simulation import planted_dynamics, simulate
from napari_crbm.simulation.settings import SimulationSettings

SMALL = {"n_neurons": 300, "n_assemblies": 6}
KINDS = ("directed", "symmetric", "common", "drift", "none")


def planted(**more):
    return planted_dynamics(n_frames=400, **SMALL, **more)


def cross_correlation(activity, source, target, lag):
    a, b = activity[: len(activity) - lag, source], activity[lag:, target]
    return np.corrcoef(a, b)[0, 1]


@pytest.fixture(scope="module")
def directed():
    return simulate(n_frames=6000, generator="dynamics", **SMALL, spikes_act=False, seed=2)


def test_targets_follow_their_sources_at_the_planted_delay(directed):
    activity, parameters = directed.truth.activity, directed.truth.parameters
    coupling, delay = parameters["coupling"], parameters["delay_frames"]
    assert (np.count_nonzero(coupling, axis=1) == 1).all()
    assert not (coupling * coupling.T).any()
    for target, source in zip(*np.nonzero(coupling > 0), strict=True):
        lag = int(delay[target, source])
        forward = cross_correlation(activity, source, target, lag)
        assert forward > 0.05
        assert forward > cross_correlation(activity, target, source, lag)


@pytest.mark.parametrize("kind", KINDS)
def test_assemblies_are_on_about_as_often_as_planned(kind):
    runs = [
        simulate(n_frames=2000, generator="dynamics", couplings=kind, seed=seed, **SMALL).truth
        for seed in range(3)
    ]
    duty = np.array([run.activity.mean(axis=0) for run in runs])
    wanted = np.array([run.parameters["duty"] for run in runs])
    assert 0.6 < duty.mean() / wanted.mean() < 1.7
    assert (duty > 0.01).all() and (duty < 0.35).all()


def test_the_same_seed_gives_the_same_recording():
    first, second = (
        simulate(n_frames=300, generator="dynamics", seed=4, **SMALL).recording for _ in range(2)
    )
    assert first.spikes == second.spikes


def test_one_frame_has_the_chances_that_it_has_among_others():
    emission = planted(seed=1).emission
    signed = emission.weights.copy()
    signed.data[::5] *= -1
    emission = replace(emission, weights=signed)
    on = (np.random.default_rng(0).random((50, 6)) < 0.4).astype(np.float32)
    gain = np.linspace(0.5, 2.0, 50)
    together = emission.chances(on, gain)
    alone = [emission.chances_now(*frame) for frame in zip(on, gain, strict=True)]
    np.testing.assert_array_equal(alone, together)


def test_neurons_that_are_readings_change_nothing_else_when_clamped():
    dynamics = planted(spikes_act=False, seed=1)
    members = np.flatnonzero(dynamics.weights.toarray()[:, 0] > 0)
    for on in (True, False):
        response = dynamics.response(neurons=members, on=on, n_frames=600)
        others = np.setdiff1d(np.arange(300), members)
        assert not response.neurons[others].any()
        assert not response.assemblies.any()


def test_silencing_members_that_act_stops_what_they_drive():
    dynamics = planted(seed=1)
    coupling = dynamics.network.coupling
    target, source = np.unravel_index(coupling.argmax(), coupling.shape)
    members = np.flatnonzero(dynamics.weights.toarray()[:, source] > 0)
    response = dynamics.response(neurons=members, on=False, n_frames=3000)
    assert response.assemblies[target] < -0.01


def test_holding_an_assembly_on_acts_on_its_target_alone_and_what_follows():
    dynamics = planted(spikes_act=False, seed=1)
    coupling = dynamics.network.coupling
    target, source = np.unravel_index(coupling.argmax(), coupling.shape)
    response = dynamics.response(assemblies=[source], n_frames=3000)
    assert response.assemblies[source] > 0.5
    others = np.setdiff1d(np.arange(6), [source])
    assert response.assemblies[target] == response.assemblies[others].max() > 0.1


def test_numbers_that_do_not_exist_are_refused():
    with pytest.raises(SettingError, match="Assemblies to clamp are numbers from 0 to 5"):
        planted().response(assemblies=[6])


@pytest.mark.parametrize(
    ("setting", "value"), [("couplings", "none"), ("coupling_strength", 1.0), ("spikes_act", False)]
)
def test_couplings_need_the_generator_that_has_them(setting, value):
    with pytest.raises(SettingError, match=f"{setting} needs the generator 'dynamics'"):
        SimulationSettings(**{setting: value})
