"""The table of assemblies: filtering."""

import numpy as np
import pandas as pd

from napari_crbm.viewer.docks.assemblies.table_model import (
    AssemblyFilter,
    AssemblyTableModel,
)
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget


def test_filtering_by_region(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    region = trained_home.workspace.trained.table["region"].iloc[0]
    widget.filter.setText(region)
    expected = trained_home.workspace.trained.table["region"].str.contains(region, regex=False)
    assert widget.proxy.rowCount() == expected.sum()


def test_the_filter_reads_the_table_once(qtbot, monkeypatch):
    """Qt would ask for every cell, in Python, at every letter."""
    model = AssemblyTableModel()
    proxy = AssemblyFilter(model)
    table = pd.DataFrame(
        {"size": [30, 1200, 45], "region": ["Tectum L", "Pallium R", ""]},
        index=pd.Index([0, 1, 12], name="assembly"),
    )
    model.show(table)
    asked = []
    monkeypatch.setattr(AssemblyTableModel, "data", lambda *_: asked.append(1))
    for text, rows in (("tectum", [0]), ("PALL", [1]), ("12", [2]), ("1,200", [1]), ("?", [])):
        proxy.search(text)
        found = [proxy.mapToSource(proxy.index(k, 0)).row() for k in range(proxy.rowCount())]
        assert found == rows, text
    assert not asked
    proxy.search("")
    proxy.list_only(np.arange(13) == 12)
    assert proxy.rowCount() == 1
    proxy.list_only(None)
    assert proxy.rowCount() == 3
    model.show(table.iloc[:1])
    assert proxy.rowCount() == 1
