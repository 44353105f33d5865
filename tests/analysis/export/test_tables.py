import importlib.util

import pandas as pd
import pytest

from napari_crbm.analysis import write_table
from napari_crbm.errors import CRBMError

TABLE = pd.DataFrame({"n_hidden": [5, "auto"], "score": [0.25, -1.0], "status": ["a", "b"]})


def test_csv_and_parquet_hold_the_same(tmp_path):
    write_table(TABLE, tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["score"].tolist() == [0.25, -1.0]
    if importlib.util.find_spec("pyarrow") is None:
        with pytest.raises(CRBMError, match="parquet"):
            write_table(TABLE, tmp_path / "t.parquet")
        return
    write_table(TABLE, tmp_path / "t.parquet")
    read = pd.read_parquet(tmp_path / "t.parquet")
    assert read["n_hidden"].tolist() == ["5", "auto"] and read["score"].tolist() == [0.25, -1.0]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(CRBMError, match=r"\.csv or \.parquet"):
        write_table(TABLE, tmp_path / "t.xlsx")
