"""Tables of the Compare dock: pairs of assemblies, their members, their regions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_crbm.analysis import Counterparts, membership
from napari_crbm.palette import DARK, Palette
from napari_crbm.viewer.parts.dataframe_table import Column

ALL, FOUND, FIRST_ONLY, SECOND_ONLY = (
    "All assemblies",
    "With a counterpart",
    "Only in the first model",
    "Only in the second model",
)

PAIR_COLUMNS = (
    Column("mark", "", 24, tip="Whether the pair is more similar than chance."),
    Column("first", "First", 36, "{:.0f}", "Assembly of the model in the viewer (orange)."),
    Column("second", "Second", 53, "{:.0f}", "Its partner in the second model (blue)."),
    Column("similarity", "|cos|", 42, "{:.2f}", "Absolute cosine between the two, 0 to 1."),
    Column("chance", "Chance", 54, "{:.2f}", "95th percentile of the best matches by chance."),
    Column("overlap", "Shared", 53, "{:.0%}", "Share of the members that both have in common."),
    Column("size_first", "Size", 36, "{:,.0f}", "Number of members of the first."),
    Column("size_second", "Size 2", 42, "{:,.0f}", "Number of members of the second."),
)
MEMBER_COLUMNS = (
    Column("animal", "In", 54, tip="Recording of the neuron."),
    Column("neuron", "Neuron", 60, "{:.0f}", "Click to choose it."),
    Column("weight", "Weight", 60, "{:+.2f}", "Weight in its own assembly."),
    Column("weight_first", "First", 60, "{:+.2f}", "Weight in the first assembly."),
    Column(
        "weight_second",
        "Second",
        60,
        "{:+.2f}",
        "Weight in the second assembly, turned and scaled to the length of the first.",
    ),
    Column("difference", "Difference", 72, "{:+.2f}", "First minus second."),
    Column("nearest_um", "Nearest (µm)", 84, "{:.0f}", "Distance to the other's nearest member."),
    Column("where", "Member of", 80, tip="Which of the two assemblies the neuron belongs to."),
)
REGION_COLUMNS = (
    Column("region", "Region", 170, tip="Only regions that both recordings have."),
    Column("first", "First", 60, "{:.0%}", "Fraction of the first assembly's members."),
    Column("second", "Second", 60, "{:.0%}", "Fraction of the second assembly's members."),
)


def pair_rows(found: Counterparts) -> pd.DataFrame:
    """Return the pairs, best first, then the unmatched assemblies of the second model."""
    pairs = found.pairs.rename(columns={"assembly": "first", "match": "second"})
    held = pairs["found"].to_numpy()
    pairs["second"] = np.where(pairs["second"] < 0, np.nan, pairs["second"])
    pairs["mark"] = np.where(held, "✓", "")
    pairs["group"] = np.where(held, FOUND, FIRST_ONLY)
    pairs = pairs.sort_values(
        ["found", "similarity"], ascending=False, kind="stable", ignore_index=True
    )
    alone = list(found.alone_second)
    rest = pd.DataFrame(
        {
            "first": np.nan,
            "second": alone,
            "size_second": membership(found.second)[:, alone].sum(axis=0),
            "mark": "",
            "group": SECOND_ONLY,
        }
    )
    return pd.concat([pairs, rest], ignore_index=True) if alone else pairs


def pair_title(row: pd.Series, correlation: float | None = None, palette: Palette = DARK) -> str:
    """Return a row in rich text, with the colours of the two models."""
    first, second = row["first"], row["second"]
    dots = [_dot(palette.assembly(place)) for place in (0, 1)]
    if not np.isfinite(first):
        return f"{dots[1]} <b>Assembly {second:.0f}</b>: only in the second model"
    text = f"{dots[0]} <b>Assembly {first:.0f}</b>"
    if not np.isfinite(second):
        return f"{text}: no partner in the second model"
    text += f" and {dots[1]} <b>{second:.0f}</b>: |cosine| {row['similarity']:.2f}"
    text += f" (chance {row['chance']:.2f}), {100 * row['overlap']:.0f} % of members shared"
    if correlation is not None:
        text += f", activities correlate with r = {correlation:.2f}"
    return text + ("; opposite sign" if row["orientation"] < 0 else "")


def _dot(colour: str) -> str:
    return f'<span style="color: {colour}">&#9679;</span>'
