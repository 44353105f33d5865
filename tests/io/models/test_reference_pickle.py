"""Pickled models of the reference implementation, written here by classes of its names."""

from __future__ import annotations

import os
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.special import erfcx
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.errors import CRBMError, FormatError, ModelError
from napari_crbm.io import load_model, open_recording, read_kind
from napari_crbm.spikes import Spikes

N, M = 30, 4


@pytest.fixture
def reference(monkeypatch):
    """Modules ``rbm`` and ``layer`` with bare classes; gone when models are read."""
    made = {}
    for module, name in (("rbm", "RBM"), ("layer", "Layer")):
        holder = ModuleType(module)
        made[name] = type(name, (), {"__module__": module})
        setattr(holder, name, made[name])
        monkeypatch.setitem(sys.modules, module, holder)
    return made


def a_model(reference, standard=False, seed=0):
    generator = np.random.default_rng(seed)
    rbm, visible, hidden = reference["RBM"](), reference["Layer"](), reference["Layer"]()
    rbm.weights = generator.normal(0, 0.5, (M, N)).astype(np.float32)
    visible.fields = generator.normal(-3, 1, N).astype(np.float32)
    gamma, theta, delta = generator.uniform(0.5, 2, M), *generator.normal(size=(2, M))
    eta = generator.uniform(-0.6, 0.6, M)
    plus, minus = 1 + eta, 1 - eta
    units = {
        "gamma_plus": gamma / plus,
        "gamma_minus": gamma / minus,
        "theta_plus": theta + delta / np.sqrt(plus),
        "theta_minus": -theta + delta / np.sqrt(minus),
    }
    given = {"gamma": gamma, "theta": theta, "delta": delta, "eta": eta} if standard else units
    for name, values in given.items():
        setattr(hidden, name, values)
    rbm.vlayer, rbm.hlayer, rbm.n_h = visible, hidden, M
    rbm.parent = rbm.vlayer
    return rbm, units


def expected_hidden(rbm, units, frames):
    """E[h | I] by the published formulas, in float64."""
    inputs = frames @ rbm.weights.T.astype(float)
    root_plus, root_minus = np.sqrt(units["gamma_plus"]), np.sqrt(units["gamma_minus"])
    x = (units["theta_plus"] - inputs) / root_plus
    y = (units["theta_minus"] + inputs) / root_minus

    def area(t):
        return np.sqrt(np.pi / 2) * erfcx(t / np.sqrt(2))

    share = area(x) / root_plus / (area(x) / root_plus + area(y) / root_minus)
    return share * (1 / area(x) - x) / root_plus + (1 - share) * (y - 1 / area(y)) / root_minus


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("standard", [False, True])
def test_models_agree_with_what_they_were(reference, tmp_path, monkeypatch, protocol, standard):
    rbm, units = a_model(reference, standard)
    path = tmp_path / "rbm_fish.data"
    path.write_bytes(pickle.dumps(rbm, protocol=protocol))
    for module in ("rbm", "layer"):
        monkeypatch.delitem(sys.modules, module)
    model = load_model(path)
    assert read_kind(path) == "model" and load_model(path).stability_ is None
    frames = np.random.default_rng(1).random((50, N)) < 0.2
    found = model.transform(Spikes.from_dense(frames))
    np.testing.assert_allclose(found, expected_hidden(rbm, units, frames), rtol=2e-4, atol=2e-4)
    np.testing.assert_array_equal(model.weights_, rbm.weights.T)
    np.testing.assert_array_equal(model.fields_, rbm.vlayer.fields)
    written = tmp_path / "ours.model.h5"
    done = CliRunner().invoke(app, ["convert", str(path), str(written)])
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(load_model(written).weights_, model.weights_)


def test_what_is_missing_is_named(reference, tmp_path):
    path = tmp_path / "m.pkl"

    def broken(change):
        rbm, _ = a_model(reference)
        change(rbm)
        path.write_bytes(pickle.dumps(rbm))

    for change, message in (
        (lambda rbm: delattr(rbm, "weights"), "holds no model of the reference"),
        (lambda rbm: delattr(rbm, "hlayer"), "lacks its 'hlayer'"),
        (lambda rbm: delattr(rbm.hlayer, "theta_plus"), "double ReLU"),
        (lambda rbm: setattr(rbm, "weights", rbm.weights.T), "hidden units, neurons"),
        (lambda rbm: setattr(rbm.vlayer, "fields", "none"), "'fields' must be numbers"),
        (lambda rbm: rbm.weights.__setitem__((0, 0), np.nan), "m.pkl"),
    ):
        broken(change)
        with pytest.raises((FormatError, ModelError), match=message):
            load_model(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(FormatError, match="found a list"):
        load_model(path)
    with pytest.raises(CRBMError, match="trained model"):
        open_recording(path)


def test_a_malicious_model_is_never_executed(reference, tmp_path):
    sentinel = tmp_path / "executed"

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {sentinel}",)

    rbm, _ = a_model(reference)
    rbm.extra = Evil()
    path = tmp_path / "evil.data"
    path.write_bytes(pickle.dumps(rbm))
    with pytest.raises(FormatError, match=r"evil\.data asks Python to use '\w+\.system'"):
        load_model(path)
    assert not sentinel.exists()
