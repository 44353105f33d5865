"""The table of assemblies: filtering."""

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt

from napari_crbm.viewer.docks.assemblies.table_model import (
    AssemblyFilter,
    AssemblyTableModel,
)
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget


def listed(widget):
    rows = (widget.proxy.mapToSource(widget.proxy.index(k, 0)).row() for k in range(99))
    return {widget.model.assembly(row) for row in rows if row >= 0}


def test_the_filter_finds_assemblies_with_a_tenth_of_their_members_in_a_region(
    viewer, trained_home, qtbot
):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    trained, regions = trained_home.workspace.trained, trained_home.workspace.recording.regions
    inside = trained.members.inside
    region = trained.table["region"].iloc[0]
    # A whole name, and both sides of a structure together.
    for text in (region, region[:-2].upper()):
        named = [name for name in regions.names if text.lower() in name.lower()]
        neurons = np.unique(np.concatenate([regions.members(name) for name in named]))
        share = inside[neurons].sum(axis=0) / np.maximum(inside.sum(axis=0), 1)
        widget.filter.setText(text)
        assert listed(widget) == set(np.flatnonzero(share >= 0.1)), text
        assert 0 < widget.proxy.rowCount() < len(trained.table)
    widget.filter.setText("1")
    assert listed(widget) == {1}
    widget.filter.setText("no such region")
    assert listed(widget) == set()
    widget.filter.setText("")
    assert widget.proxy.rowCount() == len(trained.table)


def test_the_cell_of_a_region_tells_the_share_and_the_tooltip_all_regions(qapp):
    table = pd.DataFrame(
        {
            "size": [209, 40],
            "region": ["Optic tectum R", ""],
            "region_fraction": [0.4258, np.nan],
            "regions": ["Optic tectum R 43 %; Cerebellum R 15 %", ""],
            "enriched_region": ["Cerebellum R", ""],
            "enriched_fraction": [0.15, np.nan],
            "enriched_by_chance": [0.01, np.nan],
            "enrichment_p": [0.02, 0.6],
        },
        index=pd.Index(range(2), name="assembly"),
    )
    model = AssemblyTableModel()
    model.show(table)
    headings = [model.headerData(k, Qt.Orientation.Horizontal) for k in range(4)]
    assert headings == ["#", "Size", "Region", "Enriched"]
    cells = [[model.data(model.index(row, column)) for column in (2, 3)] for row in range(2)]
    assert cells == [["Optic tectum R 43 %", "Cerebellum R"], ["", ""]]
    tips = [model.data(model.index(0, k), Qt.ItemDataRole.ToolTipRole) for k in (2, 3)]
    assert tips == [
        "Optic tectum R 43 %; Cerebellum R 15 %",
        "Cerebellum R 15 % (by chance 1 %, p = 0.02)",
    ]
    model.show(table.assign(enriched_region=""))
    assert model.columnCount() == 3


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


def test_units_that_could_not_be_tested_are_grey_and_last(qapp):
    """Of units 0 (one member, untested), 1 (not certain), 2 (no members), 3 (certain)."""
    q = [np.nan, 0.4, np.nan, 0.001]
    table = pd.DataFrame(
        {"size": [1, 30, 0, 20], "region": ["Tectum", "", "", ""], "q": q},
        index=pd.Index(range(4), name="assembly"),
    )
    model = AssemblyTableModel()
    proxy = AssemblyFilter(model)
    model.show(table.assign(certain=table["q"] < 0.05))
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        proxy.sort(1, order)
        assert proxy.index(0, 0).data() == "3"
    grey = [
        model.data(model.index(row, 0), Qt.ItemDataRole.ForegroundRole) is not None
        for row in range(4)
    ]
    assert grey == [True, True, True, False]
    # Without a test, units that are no assemblies stand back nevertheless.
    for untested in (table.assign(q=np.nan, certain=False), table.drop(columns="q")):
        model.show(untested)
        assert [model.certain(row) for row in range(4)] == [False, True, False, True]
