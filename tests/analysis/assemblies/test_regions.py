"""The region that an assembly is said to lie in: nested regions, and the same words everywhere."""

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import (
    assembly_table,
    export_tables,
    membership,
    region_in_words,
    region_shares,
)
from napari_crbm.analysis.assemblies.regions import DIVIDED, naming_regions
from napari_crbm.figures import assembly_sheet
from napari_crbm.model import CRBM, DReLU
from napari_crbm.regions import Regions
from napari_crbm.simulation import simulate


def nested(n_neurons, **spans):
    """Regions that hold spans of neurons: ``Midbrain=(0, 30)``."""
    labels = np.zeros((n_neurons, len(spans)), dtype=bool)
    for column, (start, stop) in enumerate(spans.values()):
        labels[start:stop, column] = True
    return Regions.from_dense(labels, tuple(spans))


def naming(regions):
    return {name for name, own in zip(regions.names, naming_regions(regions), strict=True) if own}


def test_the_parts_name_a_region_that_they_fill():
    regions = nested(40, Midbrain=(0, 30), Tectum=(0, 20), Tegmentum=(20, 28), Nucleus=(30, 36))
    assert naming(regions) == {"Tectum", "Tegmentum", "Nucleus"}
    inside = np.zeros((40, 2), dtype=bool)
    inside[[0, 1, 2, 3, 4, 30, 31, 32], 0] = True
    inside[[36, 37], 1] = True
    share = region_shares(inside, regions)
    assert share[:, 0].tolist() == [0.0, 5 / 8, 0.0, 3 / 8]
    assert not share[:, 1].any()


def test_a_detail_does_not_take_the_name_of_its_region():
    """ZBrain has clusters of a tenth of a rhombomere; the others of its neurons need a name."""
    regions = nested(100, Rhombomere=(0, 60), Cluster=(0, 6), Tectum=(60, 95))
    assert naming(regions) == {"Rhombomere", "Tectum"}
    inside = np.zeros((100, 1), dtype=bool)
    inside[10:40, 0] = inside[60:80, 0] = True
    assert region_shares(inside, regions)[:, 0].tolist() == [0.6, 0.0, 0.4]


def test_levels_give_way_down_to_the_last_one_that_is_filled():
    regions = nested(
        100, Brain=(0, 100), Hindbrain=(0, 60), R1=(0, 30), R2=(30, 60), Cluster=(30, 34)
    )
    assert naming(regions) == {"R1", "R2"}


def test_a_region_gives_way_from_the_share_that_is_declared():
    for parts, expected in ((DIVIDED, {"Part"}), (DIVIDED - 0.05, {"Whole"})):
        assert naming(nested(200, Whole=(0, 100), Part=(0, round(100 * parts)))) == expected


def test_the_whole_brain_names_nothing_beside_its_parts():
    assert naming(nested(100, Brain=(0, 100), Habenula=(0, 8))) == {"Habenula"}
    assert naming(nested(100, Tectum=(0, 100))) == {"Tectum"}
    assert naming(nested(100, Tectum=(0, 97), Tegmentum=(97, 100))) == {"Tectum", "Tegmentum"}


def test_of_two_names_for_the_same_neurons_one_counts():
    assert naming(nested(40, Cerebellum=(0, 20), Corpus=(0, 20), Tectum=(20, 40))) == {
        "Corpus",
        "Tectum",
    }


def test_overlapping_regions_count_each():
    assert naming(nested(100, A=(0, 50), B=(30, 90))) == {"A", "B"}
    assert naming(nested(10, Empty=(0, 0), A=(0, 5))) == {"A"}


@pytest.mark.parametrize(
    ("fraction", "words"),
    [(0.4258, "Tectum R 43 %"), (0.004, "Tectum R < 1 %"), (1, "Tectum R 100 %")],
)
def test_a_region_in_words(fraction, words):
    assert region_in_words("Tectum R", fraction) == words
    assert region_in_words("", float("nan")) == ""


@pytest.mark.parametrize("seed", range(5))
def test_the_region_named_holds_most_members_in_table_sheet_and_export(seed, tmp_path):
    simulation = simulate(n_neurons=600, n_frames=200, n_assemblies=6, seed=seed)
    recording, regions = simulation.recording, simulation.recording.regions
    weights = simulation.truth.weights.astype(np.float32)
    n_units = weights.shape[1]
    units = DReLU(np.ones(n_units), np.ones(n_units), np.zeros(n_units), np.zeros(n_units))
    model = CRBM.from_parameters(weights, np.zeros(600), units)
    activity = model.transform(recording.spikes)
    table = assembly_table(model, recording, activity)
    inside = membership(model)
    exported = pd.read_csv(export_tables(model, recording, tmp_path, activity)[0])
    for unit, row in table.iterrows():
        held = {name: inside[regions.members(name), unit].sum() for name in naming(regions)}
        most = max(held.values())
        assert held[row["region"]] == most
        assert row["region_fraction"] == pytest.approx(most / row["size"])
        words = f"{row['region']} {100 * most / row['size']:.0f} %"
        assert row["regions"].split("; ")[0] == words
        assert exported.loc[unit, "region"] == row["region"]
        assert exported.loc[unit, "regions"] == row["regions"]
        sheet = assembly_sheet(model, recording, unit, activity)
        assert any(words in text.get_text() for text in sheet.texts)
        (bars,) = (ax for ax in sheet.axes if ax.get_label() == "regions")
        assert bars.texts[0].get_text() == row["region"]
        assert bars.patches[0].get_width() == pytest.approx(100 * row["region_fraction"])
