"""Weights for Fishualizer, and models of BrainRBMjulia."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import CRBMError, FormatError, ModelError
from napari_crbm.io import load_model, open_recording, read_kind, save_weights
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model

N, M = 30, 5


def frames(n_neurons=N, seed=0):
    return Spikes.from_dense(np.random.default_rng(seed).random((40, n_neurons)) < 0.3)


def table(weights):
    """The table that the authors' script writes."""
    return pd.DataFrame({f"hu_{unit:03d}": weights[:, unit] for unit in range(weights.shape[1])})


# --- Fishualizer ----------------------------------------------------------------------------


def test_written_weights_open_in_pandas(tmp_path):
    """As Fishualizer opens them: ``pandas.read_hdf(path)`` without a key."""
    pytest.importorskip("tables")
    model = random_model(N, M)
    path = save_weights(model, tmp_path / "weights.h5")
    read = pd.read_hdf(path)
    assert list(read.columns) == ["hu_000", "hu_001", "hu_002", "hu_003", "hu_004"]
    np.testing.assert_array_equal(read.to_numpy(), model.weights_)
    np.testing.assert_array_equal(read.index, np.arange(N))
    pd.testing.assert_frame_equal(read, table(model.weights_), check_index_type=False)


def test_a_model_survives_the_way_through_fishualizer(tmp_path):
    model = random_model(N, M)
    labelled = np.zeros(2 * N, dtype=bool)
    labelled[1::2] = True
    path = save_weights(model, tmp_path / "weights.h5", labelled)
    with h5py.File(path) as file:
        stored = file["all/block0_values"][()]
    assert stored.shape == (2 * N, M) and not stored[~labelled].any()
    again = load_model(path)
    assert read_kind(path) == "model" and load_model(path).stability_ is None
    np.testing.assert_array_equal(again.weights_, model.weights_)
    np.testing.assert_array_equal(again.free_energy(frames()), model.free_energy(frames()))
    np.testing.assert_array_equal(again.transform(frames()), model.transform(frames()))
    with pytest.raises(CRBMError, match="trained model"):
        open_recording(path)
    with pytest.raises(ModelError, match="29 neurons are marked"):
        save_weights(model, tmp_path / "b.h5", np.arange(N) > 0)
    with pytest.raises(FormatError, match="no folder"):
        save_weights(model, tmp_path / "nowhere" / "b.h5")


@pytest.mark.parametrize("options", [{}, {"format": "table"}, {"complib": "zlib", "complevel": 1}])
def test_weights_that_pandas_wrote(tmp_path, options):
    pytest.importorskip("tables")
    weights = random_model(N, 12).weights_
    path = tmp_path / "weights_fish.h5"
    table(weights).to_hdf(path, key="all", **options)
    with pytest.warns(UserWarning, match="holds weights alone"):
        model = load_model(path)
    np.testing.assert_array_equal(model.weights_, weights)
    np.testing.assert_allclose(
        model.transform(frames()), frames().dense() @ weights, rtol=1e-4, atol=1e-5
    )
    assert model.versions_["holds"] == "weights only"


def test_mixed_precision_and_order_of_columns(tmp_path):
    pytest.importorskip("tables")
    weights = random_model(N, 12).weights_
    mixed = table(weights).astype({"hu_003": "float64"})[[f"hu_{k:03d}" for k in range(11, -1, -1)]]
    mixed["size"] = 1
    mixed.to_hdf(tmp_path / "w.h5", key="weights")
    with pytest.warns(UserWarning, match="weights alone"):
        model = load_model(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.weights_, weights)


def test_what_is_wrong_with_weights_is_named(tmp_path):
    path = tmp_path / "w.h5"
    cases = (
        (lambda f: f["all/block0_values"].__setitem__((0, 0), np.nan), "w.h5"),
        (lambda f: f.__delitem__("all/block0_values"), "lacks the dataset"),
        (lambda f: f.__delitem__("napari_crbm_model/fields"), "lacks the dataset"),
        (lambda f: f["napari_crbm_model/neurons"].__setitem__(3, 999), "names neuron 999"),
    )
    for change, message in cases:
        save_weights(random_model(N, M), path)
        with h5py.File(path, "a") as file:
            change(file)
        with pytest.raises(CRBMError, match=message):
            load_model(path)
    with h5py.File(path, "w") as file:
        group = file.create_group("brain")
        group.attrs["pandas_type"] = np.bytes_("frame")
        group["axis0"] = np.array([b"x", b"y"])
    with pytest.raises(FormatError):
        load_model(path)


# --- BrainRBMjulia --------------------------------------------------------------------------


def julia(path, *, kind="xReLU", standardised=True, change=lambda file: None, seed=0, n=6, m=2):
    """One model as the library writes it; returns what is in it, as in Julia."""
    generator = np.random.default_rng(seed)
    rows = {
        "xReLU": [
            generator.normal(size=m),
            generator.uniform(0.6, 2, m),
            generator.normal(size=m),
            generator.normal(size=m),
        ],
        "dReLU": [*generator.normal(size=(2, m)), *generator.uniform(0.6, 2, (2, m))],
        "Gaussian": [generator.normal(size=m), generator.uniform(0.6, 2, m)],
    }[kind]
    content = {
        "weights": generator.normal(0, 0.7, (n, m)),
        "fields": generator.normal(-1, 1, n),
        "hidden": np.array(rows),
        "offset_v": generator.uniform(0, 0.5, n) * standardised,
        "offset_h": generator.normal(size=m) * standardised,
        "scale_v": generator.uniform(0.5, 2, n) if standardised else np.ones(n),
        "scale_h": generator.uniform(0.5, 2, m) if standardised else np.ones(m),
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("brainRBM/RBM")
        group.attrs["type"] = "StandardizedRBM" if standardised else "RBM"
        group["weights"] = content["weights"].T
        for name, layer, values in (
            ("VisibleLayer", "RestrictedBoltzmannMachines.Binary", content["fields"][None]),
            ("HiddenLayer", f"RestrictedBoltzmannMachines.{kind}", content["hidden"]),
        ):
            group.create_group(name).attrs["type"] = layer
            group[f"{name}/params"] = values.T
        if standardised:
            for name in ("offset_v", "offset_h", "scale_v", "scale_h"):
                group[f"Standardization/{name}"] = content[name]
        change(group)
    return content


def potential(kind, parameters, h):
    """U(h) by the definitions of RestrictedBoltzmannMachines.jl, for h (K,): (M, K)."""
    if kind == "Gaussian":
        theta, gamma = parameters
        above, below, gamma_plus, gamma_minus = theta, theta, gamma, gamma
    elif kind == "dReLU":
        above, below, gamma_plus, gamma_minus = parameters
    else:
        theta, gamma, delta, xi = parameters
        plus = (1 + np.abs(xi)) / (1 + np.maximum(2 * xi, 0))
        minus = (1 + np.abs(xi)) / (1 - np.minimum(2 * xi, 0))
        gamma_plus, gamma_minus = gamma * plus, gamma * minus
        above, below = theta + delta * plus, theta - delta * minus
    right = gamma_plus[:, None] * h**2 / 2 - above[:, None] * h
    left = gamma_minus[:, None] * h**2 / 2 - below[:, None] * h
    return np.where(h >= 0, right, left)


@pytest.mark.parametrize("standardised", [True, False])
@pytest.mark.parametrize("kind", ["xReLU", "dReLU", "Gaussian"])
def test_julia_models_agree_with_quadrature(tmp_path, kind, standardised):
    path = tmp_path / "brainrbm_fish.h5"
    content = julia(path, kind=kind, standardised=standardised)
    model = load_model(path)
    assert read_kind(path) == "model"
    v = all_patterns(6)
    h = np.linspace(-40, 40, 80_001)
    step = h[1] - h[0]
    coupled = (v - content["offset_v"]) / content["scale_v"] @ content["weights"]
    u = potential(kind, content["hidden"], h)
    free = -(v @ content["fields"])
    means = np.empty((len(v), 2))
    for unit in range(2):
        scaled = (h - content["offset_h"][unit]) / content["scale_h"][unit]
        log_weight = coupled[:, [unit]] * scaled - u[unit]
        top = log_weight.max(axis=1, keepdims=True)
        weight = np.exp(log_weight - top)
        free -= np.log(weight.sum(axis=1) * step) + top[:, 0]
        means[:, unit] = weight @ h / weight.sum(axis=1)
    spikes = Spikes.from_dense(v)
    np.testing.assert_allclose(model.transform(spikes), means, rtol=2e-4, atol=2e-4)
    ours = model.free_energy(spikes)
    # Energies are defined up to a constant.
    np.testing.assert_allclose(ours - ours[0], free - free[0], rtol=1e-4, atol=1e-4)


def test_what_is_wrong_with_julia_models_is_named(tmp_path):
    path = tmp_path / "m.h5"
    cases = (
        (lambda g: g.__delitem__("weights"), "lacks the dataset"),
        (lambda g: g.__delitem__("HiddenLayer"), "lacks the group"),
        (lambda g: g["HiddenLayer"].attrs.__setitem__("type", "Potts"), "kind 'Potts'"),
        (lambda g: g["VisibleLayer"].attrs.__setitem__("type", "Spin"), "Binary can be read"),
        (lambda g: g.__delitem__("Standardization/offset_v"), "lacks the dataset"),
        (lambda g: g["weights"].__setitem__((0, 0), np.inf), r"m\.h5"),
    )
    for change, message in cases:
        julia(path, change=change)
        with pytest.raises(CRBMError, match=message):
            load_model(path)
    with h5py.File(path, "a") as file:
        del file["brainRBM/RBM/weights"]
        file["brainRBM/RBM/weights"] = np.ones((6, 2))
    with pytest.raises(ModelError, match="6 units, the weights are for 2"):
        load_model(path)
