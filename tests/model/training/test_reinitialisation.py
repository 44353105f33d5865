import numpy as np
import pytest

from napari_crbm.analysis import fraction_recovered, recovery
from napari_crbm.io import load_checkpoint, save_checkpoint
from napari_crbm.model import Settings, Training
from napari_crbm.model.backends import NUMBA, Backend
from napari_crbm.model.compute.kernels.weight_update import SILENT
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.start.initialise import Start
from napari_crbm.model.training import health, initial, reinitialisation
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.progress import outcome
from napari_crbm.model.units.drelu import DRELU
from napari_crbm.spikes import Spikes
from tests.model import strict_device


def spoilt(membership: np.ndarray, start: Start) -> Start:
    """A start that has one assembly in two units, and none in those of two others."""
    strong = 2 * membership.astype(np.float32)
    duplicate = strong[:, 0] / 2
    weights = np.stack([duplicate, duplicate, np.zeros_like(duplicate), strong[:, 3]], axis=1)
    return Start(weights, start.fields, weights != 0)


@pytest.fixture
def spoilt_start(monkeypatch, planted):
    whole = initial.initial_weights

    def start(train, settings):
        return spoilt(planted[1], (yield from whole(train, settings)))

    monkeypatch.setattr(initial, "initial_weights", start)


@pytest.mark.parametrize("renew", [True, False])
def test_lost_assemblies_are_found_by_reinitialised_units(planted, spoilt_start, renew):
    spikes, membership = planted
    training = Training(spikes, Settings(n_hidden=4, n_updates=600, renew=renew))
    messages = {progress.message for progress in training if progress.message}
    found = fraction_recovered(recovery(training.model().weights_, membership))
    if renew:
        assert found == 1.0
        assert any("0 and 1" in text and "reinitialised" in text for text in messages)
    else:
        assert found <= 0.75


def begun(spikes: Spikes, settings: Settings, backend: Backend = NUMBA) -> Learner:
    with kernel_threads(1):
        return Learner.started(spikes, settings, backend)


def test_where_nothing_is_left_to_explain_idle_units_stay_idle():
    spikes = Spikes.from_dense(np.random.default_rng(4).random((1200, 200)) < 0.05)
    with kernel_threads(1):
        model = begun(spikes, Settings(n_hidden=3, initialisation="random"))
        parameters = model.parameters()
        parameters["weights"][:, 0] = 0
        parameters["weights"] *= 10
        assert health.idle_units(parameters["weights"]) == [0]
        assert reinitialisation.reinitialise(parameters, spikes, DRELU) is None


def test_where_most_units_are_idle_it_is_the_penalty_not_chance(planted, spoilt_start):
    with kernel_threads(1):
        parameters = begun(planted[0], Settings(n_hidden=4)).parameters()
        parameters["weights"][:, :3] = 0
        assert reinitialisation.reinitialise(parameters, planted[0], DRELU) is None


def test_joined_twins_expect_of_neurons_what_both_did(planted, spoilt_start):
    """Both units of one assembly get nearly the same input, so one can speak for two."""
    spikes = planted[0]
    with kernel_threads(1):
        model = begun(spikes, Settings(n_hidden=4))
        parameters = model.parameters()
        before = expected(spikes, parameters)
        reinitialisation._join(parameters, DRELU.of_rows(parameters["hidden"]), 0, 1)
        after = expected(spikes, parameters)
    assert (parameters["roles"][:, 1] == SILENT).all()
    assert not parameters["weights"][:, 1].any()
    members = planted[1][:, 0]
    assert np.corrcoef(before[:, members].mean(1), after[:, members].mean(1))[0, 1] > 0.98
    assert after[:, members].mean() == pytest.approx(before[:, members].mean(), rel=0.15)


def expected(spikes: Spikes, parameters: dict) -> np.ndarray:
    weights = parameters["weights"]
    inputs = (spikes.dense().astype(np.float32) @ weights).astype(np.float32)
    units = DRELU.of_rows(parameters["hidden"]).units()
    hidden = NUMBA.mean(inputs, units)
    return 1 / (1 + np.exp(-(hidden @ weights.T + parameters["fields"])))


@pytest.mark.parametrize("backend", [NUMBA, strict_device.backend()], ids=["cpu", "device"])
def test_chains_go_on_with_inputs_of_the_new_weights(planted, spoilt_start, backend):
    with kernel_threads(1):
        model = begun(planted[0], Settings(n_hidden=4), backend)
        before = backend.bits(model.activity).copy()
        made = model.reinitialise()
        assert set(made.begun) == {1, 2}
        assert np.array_equal(backend.bits(model.activity), before)
        inputs = backend.put(np.empty(model.inputs.shape, dtype=np.float32))
        model.active.form.project_bits(model.activity, inputs)
    np.testing.assert_allclose(backend.get(inputs), backend.get(model.inputs), atol=1e-4)
    assert np.abs(backend.get(inputs)[:, [1, 2]]).max() > 1
    hidden = model.hidden_here()
    assert (hidden.gamma[[1, 2]] > 0).all()
    np.testing.assert_allclose(
        hidden.theta, means_of_inputs(model, backend), rtol=1e-5, err_msg="inputs are centred"
    )


def means_of_inputs(model: Learner, backend: Backend) -> np.ndarray:
    return model.active.dense().T.astype(np.float64) @ backend.get(model.frames.mean_activity)


def test_a_training_resumed_after_a_reinitialisation_goes_on_bit_for_bit(
    planted, spoilt_start, tmp_path
):
    settings = Settings(n_hidden=4, n_updates=120)
    whole = Training(planted[0], settings)
    for _ in whole:
        pass
    part = Training(planted[0], settings)
    with kernel_threads():
        outcome(part._prepare())
        while part.update < 60:
            part._advance()
    save_checkpoint(part.checkpoint(), tmp_path / "half.checkpoint.h5")
    rest = Training(planted[0], resume=load_checkpoint(tmp_path / "half.checkpoint.h5"))
    last = list(rest)[-1]
    assert np.array_equal(rest.model().weights_, whole.model().weights_)
    assert "reinitialised" in last.message
