"""The table of assemblies: filtering."""

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt

from napari_crbm.viewer.docks.assemblies.table_model import (
    AssemblyFilter,
    AssemblyTableModel,
)
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget


def test_filtering_by_region(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    table = trained_home.workspace.trained.table
    region = table["region"].iloc[0]
    widget.filter.setText(region)
    # Regions with a tenth of the members are searched too.
    expected = (table["region"] + "\n" + table["regions"]).str.contains(region, regex=False)
    assert widget.proxy.rowCount() == expected.sum() < len(table)


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


def test_assemblies_that_are_not_certain_are_grey_and_last_in_either_order(qapp):
    table = pd.DataFrame(
        {
            "size": [10, 40, 20, 30],
            "mean_activity": 0.1,
            "region": "",
            "q": [0.001, 0.4, 0.01, 0.9],
            "certain": [True, False, True, False],
        },
        index=pd.Index(range(4), name="assembly"),
    )
    model = AssemblyTableModel()
    proxy = AssemblyFilter(model)
    model.show(table)
    for order, expected in (
        (Qt.SortOrder.DescendingOrder, [2, 0, 1, 3]),
        (Qt.SortOrder.AscendingOrder, [0, 2, 3, 1]),
    ):
        proxy.sort(1, order)
        rows = [proxy.mapToSource(proxy.index(row, 0)).row() for row in range(4)]
        assert [model.assembly(row) for row in rows] == expected
    grey = [
        model.data(model.index(row, 1), Qt.ItemDataRole.ForegroundRole) is not None
        for row in range(4)
    ]
    assert grey == [False, True, False, True]


def test_without_evidence_no_assembly_is_set_back(qapp):
    table = pd.DataFrame(
        {"size": [10, 40], "q": [np.nan, np.nan], "certain": [False, False]},
        index=pd.Index(range(2), name="assembly"),
    )
    model = AssemblyTableModel()
    model.show(table)
    assert model.certain(0)
    assert model.certain(1)
