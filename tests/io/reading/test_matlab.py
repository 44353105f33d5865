"""MATLAB files up to version 7: structures, structure arrays and cell arrays."""

from __future__ import annotations

import numpy as np
from scipy.io import savemat

from napari_crbm.io.reading.matlab import numeric_arrays
from napari_crbm.io.unknown.guess import guess


def test_structure_arrays_and_cell_arrays(tmp_path):
    path = tmp_path / "a.mat"
    rows = [{"xy": [1.0 * k, 2.0 * k], "pixels": np.arange(k + 1)} for k in range(3)]
    records = np.zeros(3, dtype=[("xy", object), ("pixels", object)])
    cells = np.empty(3, dtype=object)
    traces = np.empty(3, dtype=object)
    for k, row in enumerate(rows):
        records[k] = (np.array(row["xy"]), row["pixels"])
        cells[k] = row
        traces[k] = np.arange(5.0) + k
    savemat(path, {"array": records, "cells": cells, "traces": traces, "one": {"inner": 3.0}})
    found = numeric_arrays(path)
    for name in ("array", "cells"):
        np.testing.assert_array_equal(found[f"{name}/xy"], [[0, 0], [1, 2], [2, 4]])
        np.testing.assert_array_equal(found[f"{name}/pixels"], [0, 0, 1, 0, 1, 2])
        np.testing.assert_array_equal(found[f"{name}/pixels#counts"], [1, 2, 3])
    np.testing.assert_array_equal(found["traces"], np.arange(5.0) + np.arange(3)[:, None])
    assert found["one/inner"] == 3


def test_one_cell_a_neuron_is_a_recording(tmp_path):
    rng = np.random.default_rng(0)
    records = np.zeros(20, dtype=[("dff", object), ("position", object)])
    for k in range(20):
        records[k] = (np.cumsum(rng.normal(size=300)), 300 * rng.random(3))
    savemat(tmp_path / "a.mat", {"neurons": records})
    found = guess(tmp_path / "a.mat").profile
    assert found.activity == "neurons/dff" and found.positions == ("neurons/position",)
    assert found.neurons_first
