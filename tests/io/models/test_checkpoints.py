from __future__ import annotations

import h5py
import numpy as np
import pytest

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io import load_checkpoint, save_checkpoint
from napari_crbm.model import Training
from tests.model.training.test_training import SHORT, run, same, stop_at

ARRAYS = {
    "bits": np.array([[2**64 - 1, 0], [1, 2**63]], dtype=np.uint64),
    "weights": np.array([0.1, -0.0, np.nan, np.inf, 1e-45], dtype=np.float32),
    "double": np.array([np.pi, 5e-324]),
    "flags": np.array([True, False]),
    "bytes": np.arange(256, dtype=np.uint8),
    "empty": np.empty((0, 3), dtype=np.int32),
}
PLAIN = {
    "none": None,
    "true": True,
    "int": -(2**70),
    "float": 0.1 + 0.2,
    "infinity": float("-inf"),
    "text": "naïve\n" * 20_000,
    "numbers": [1, 2.5, None, "x", [True]],
    "nothing": {},
}


def test_every_bit_comes_back(tmp_path):
    state = {"arrays": ARRAYS, "deep": {"plain": PLAIN}, "mixed": [ARRAYS["flags"], {"a": 1}, None]}
    loaded = load_checkpoint(save_checkpoint(state, tmp_path / "state.h5"))
    assert list(loaded) == ["arrays", "deep", "mixed"]
    for name, values in ARRAYS.items():
        found = loaded["arrays"][name]
        assert (found.dtype, found.shape) == (values.dtype, values.shape)
        assert found.tobytes() == values.tobytes()
    assert loaded["deep"]["plain"] == PLAIN
    assert {key: type(value) for key, value in loaded["deep"]["plain"].items()} == {
        key: type(value) for key, value in PLAIN.items()
    }
    np.testing.assert_array_equal(loaded["mixed"][0], ARRAYS["flags"])
    assert loaded["mixed"][1:] == [{"a": 1}, None]


def test_numpy_scalars_keep_their_type(tmp_path):
    state = {"a": np.float32(0.1), "b": np.uint64(2**64 - 1), "c": np.bool_(True)}
    loaded = load_checkpoint(save_checkpoint(state, tmp_path / "state.h5"))
    assert loaded == state
    assert [type(value) for value in loaded.values()] == [np.float32, np.uint64, np.bool_]


def test_long_lists_keep_their_order(tmp_path):
    state = {"list": [np.array([index]) for index in range(12)]}
    loaded = load_checkpoint(save_checkpoint(state, tmp_path / "state.h5"))
    assert [int(entry[0]) for entry in loaded["list"]] == list(range(12))


@pytest.mark.parametrize(
    "state", [{"a": object()}, {"a": np.array([object()])}, {"a/b": 1}, {"": 1}, {1: 2}]
)
def test_what_cannot_be_kept_is_refused(tmp_path, state):
    with pytest.raises(ModelError, match="A checkpoint cannot hold"):
        save_checkpoint(state, tmp_path / "state.h5")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_item_is_refused(tmp_path):
    path = save_checkpoint({"a": 1}, tmp_path / "state.h5")
    with h5py.File(path, "r+") as file:
        file["state/a"].attrs["type"] = "pickle"
    with pytest.raises(FormatError, match=r"'/state/a' .* unknown type 'pickle'"):
        load_checkpoint(path)


def test_a_training_continues_bit_for_bit_from_a_file(tmp_path, planted):
    spikes, _ = planted
    expected = run(Training(spikes, SHORT))
    interrupted = Training(spikes, SHORT)
    stop_at(interrupted, 23)
    run(interrupted)
    path = save_checkpoint(interrupted.checkpoint(), tmp_path / "training.h5")
    resumed = Training(spikes, resume=load_checkpoint(path))
    assert same(run(resumed), expected)
