"""The layout of ZAPBench: sharded traces, a JSON table of cells, nine conditions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_crbm.errors import RecordingError
from napari_crbm.io import open_recording, read_kind
from napari_crbm.io.unknown import zapbench

pytestmark = [
    pytest.mark.filterwarnings("ignore::Warning:zarr.*"),
    pytest.mark.filterwarnings("ignore:ZAPBench does not say:UserWarning"),
]
N = 12
RNG = np.random.default_rng(0)
XYZ = RNG.uniform(0, 1, (N, 3)) * [2048, 1328, 72]


def release(folder, n_frames, labels=None, n_columns=N):
    zarr = pytest.importorskip("zarr")
    values = RNG.normal(size=(n_frames, n_columns)).astype("f4")
    stored = zarr.create_array(
        folder / "traces",
        shape=values.shape,
        chunks=(50, n_columns // 2),
        shards=(100, n_columns),
        dtype="f4",
        dimension_names=("t", "f"),
    )
    stored[:] = values
    table = {"label": {str(k): k + 1 for k in range(N)} if labels is None else labels}
    for column, axis in enumerate("xyz"):
        table[f"centroid_{axis}"] = {str(k): float(XYZ[k, column]) for k in range(N)}
    (folder / "dataframe.json").write_text(json.dumps(table))
    return values


def test_it_opens_directly_with_its_own_sizes(tmp_path):
    values = release(tmp_path, 300)
    assert read_kind(tmp_path) == "zapbench-recording"
    recording = open_recording(tmp_path)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, [2, 0, 1]] * [4, 0.406, 0.406], 1e-5)
    np.testing.assert_array_equal(recording.fluorescence.trace(7), values[:, 7])
    assert recording.frame_interval_s == pytest.approx(0.914)
    assert len(recording.segments) == 1 and recording.spikes.rate > 0
    other = open_recording(tmp_path, um_per_pixel=1.0, plane_spacing_um=2.0, frame_rate_hz=2.0)
    np.testing.assert_allclose(other.coordinates, XYZ[:, [2, 0, 1]] * [2, 1, 1], rtol=1e-5)
    assert other.frame_interval_s == pytest.approx(0.5)


def test_what_is_assumed_of_the_axes_is_said(tmp_path):
    release(tmp_path, 300)
    with pytest.warns(UserWarning, match="which end of the axes is anterior.*--flip-z"):
        open_recording(tmp_path)


def test_conditions_of_the_published_recording_are_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(zapbench, "PUBLISHED_FRAMES", 300)
    monkeypatch.setattr(zapbench, "CONDITIONS", {"gain": 0, "dots": 100, "dark": 220})
    release(tmp_path, 300)
    recording = open_recording(tmp_path)
    assert recording.segments == ((0, 100), (100, 220), (220, 300))
    assert recording.metadata["conditions"] == "gain 0 to 99, dots 100 to 219, dark 220 to 299"


def test_the_published_conditions_fill_the_recording():
    starts = list(zapbench.CONDITIONS.values())
    assert len(starts) == 9 and starts == sorted(starts) and starts[0] == 0
    assert starts[-1] < zapbench.PUBLISHED_FRAMES


@pytest.mark.parametrize(
    ("labels", "n_columns", "words"),
    [
        (list(range(N, 0, -1)), N, "labels .* are not 1 to 12 in this order"),
        (None, N + 2, "lists 12 cells, but 'traces' has 14 columns"),
    ],
)
def test_tables_of_another_release_are_refused(tmp_path, labels, n_columns, words):
    release(tmp_path, 100, labels, n_columns)
    with pytest.raises(RecordingError, match=words):
        open_recording(tmp_path)
