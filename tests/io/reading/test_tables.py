"""Tables as recordings: separators, encodings, decimal commas, Excel, Parquet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_crbm.errors import FormatError, UnknownLayout
from napari_crbm.io import load_profile, open_recording, read_kind, save_profile
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading.tables import read_arrays
from napari_crbm.io.unknown.offer import offered

T, N = 60, 7


@pytest.fixture
def traces():
    return np.cumsum(np.random.default_rng(0).normal(size=(T, N)), axis=0).round(4)


@pytest.fixture
def table(traces):
    return pd.DataFrame(traces, columns=[f"cell {k}" for k in range(N)])


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "cp1252"])
@pytest.mark.parametrize(
    ("separator", "decimal", "suffix"),
    [
        (",", ".", "csv"),
        (";", ",", "csv"),
        ("\t", ".", "tsv"),
        ("\t", ",", "txt"),
        (" ", ".", "txt"),
    ],
)
def test_text(tmp_path, table, traces, separator, decimal, suffix, encoding, header):
    table.columns = [f"Zelle_ä{k}" for k in range(N)]
    text = table.to_csv(sep=separator, decimal=decimal, index=False, header=header)
    path = tmp_path / f"fish.{suffix}"
    known = encoding != "utf-16-le-bom"
    path.write_bytes(text.encode(encoding) if known else b"\xff\xfe" + text.encode("utf-16-le"))
    found = read_arrays(path)
    assert list(found) == ["values"]
    np.testing.assert_allclose(found["values"], traces)


@pytest.mark.parametrize("name", ["time", "Time (s)", "t [s]"])
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_table_is_a_recording(tmp_path, table, traces, suffix, name):
    table.insert(0, name, np.arange(T) / 4.0)
    path = tmp_path / f"fish.{suffix}"
    if suffix == "csv":
        table.to_csv(path)
    elif suffix == "xlsx":
        pytest.importorskip("openpyxl")
        table.to_excel(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    with pytest.raises(UnknownLayout):
        read_kind(path)
    profile = offered(path)
    assert profile is not None and profile.times == name and profile.activity == "values"
    opened = open_recording(path, profile=profile)
    assert opened.spikes.shape == (T, N) and opened.frame_interval_s == 0.25
    assert opened.coordinates is None
    np.testing.assert_allclose(opened.fluorescence.trace(2), traces[:, 2], rtol=1e-6)


@pytest.mark.parametrize("cells_first", [False, True])
def test_positions_in_the_same_or_in_a_second_table(tmp_path, traces, cells_first):
    names = ["x (um)", "y (um)", "z (um)"] if cells_first else ["x", "y", "z"]
    xyz = pd.DataFrame(500 * np.random.default_rng(1).random((N, 3)), columns=names)
    if cells_first:
        # One row a cell: positions and traces side by side.
        path = tmp_path / "one.csv"
        pd.concat([xyz, pd.DataFrame(traces.T)], axis=1).to_csv(path, index=False)
    else:
        path = tmp_path / "fish1_dff.csv"
        pd.DataFrame(traces).to_csv(path, index=False, header=[f"c{k}" for k in range(N)])
        xyz.to_csv(tmp_path / "fish1_positions.csv", index=False)
    opened = open_recording(path, profile=offered(path), frame_rate_hz=2.0)
    assert opened.spikes.shape == (T, N)
    np.testing.assert_allclose(opened.coordinates, xyz.to_numpy()[:, ::-1], rtol=1e-6)


def test_what_is_no_table_is_a_sentence(tmp_path):
    for content, said in ((b"", "empty"), (b"\0\1\2" * 100, "not a table"), (b'a,"b\n1', "table")):
        path = tmp_path / "fish.csv"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=said) as caught:
            open_recording(path)
        assert "\n" not in str(caught.value)


def test_names_and_profiles_in_other_encodings(tmp_path, table):
    path = tmp_path / "names.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path.write_text("Tectum\nMittelhirn ä\n", encoding=encoding)
        names = ReadOptions(region_names=path).names_of_regions()
        assert names == ("Tectum", "Mittelhirn ä")
    table.to_csv(tmp_path / "fish.csv")
    profile = offered(tmp_path / "fish.csv")
    saved = save_profile(profile, tmp_path / "lab.json")
    saved.write_text(saved.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert load_profile(saved) == profile
    saved.write_text('{"format": "napari-crbm profile", "version": ' + "1" * 4400 + "}")
    with pytest.raises(FormatError, match=r"lab\.json is no profile|another version"):
        load_profile(saved)


def test_columns_without_a_name_have_their_number(tmp_path):
    path = tmp_path / "between.csv"
    path.write_text(",a,b\na,0,1\nb,1,0\nc,2,3\n")
    assert next(iter(read_arrays(path))) == "column 1"


def test_lines_of_different_length_are_named(tmp_path):
    path = tmp_path / "uneven.csv"
    path.write_text("a,b\n1,2\n3,4\n1,2,3\n")
    with pytest.raises(
        FormatError, match=r"line 4 has 3 columns.*have 2: give every line the same number"
    ):
        read_arrays(path)
