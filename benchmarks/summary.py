"""Make the tables and plots of the documents from the tables of results.

python benchmarks/summary.py            rewrite the tables, draw both plots
python benchmarks/summary.py --check    check that the tables in the pages match the results
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from napari_crbm.palette import BLUE, GREEN, GREY, ORANGE

HERE = Path(__file__).parent
_DOCS = HERE.parent / "docs" / "howto"
PAGES = (
    HERE / "README.md",
    _DOCS / "without_assemblies.md",
    _DOCS / "regions.md",
    _DOCS / "time.md",
)
IMAGES = HERE.parent / "docs" / "images"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_GENERATORS = {"noisy-or": "noisy-OR", "crbm": "true cRBM"}
_CODES = {
    "none": "ours",
    "reference l1=0.005": "published, penalty 0.005",
    "reference l1=0.005 again": "published, penalty 0.005, again",
    "reference l1=0.002": "published, penalty 0.002",
}
# Trainings at the size of the published recordings.
_LARGEST = 44055


def study() -> pd.DataFrame:
    """Return all evaluations of all trainings."""
    return pd.read_csv(HERE / "study.csv", keep_default_na=False, na_values=[""])


def ends(table: pd.DataFrame) -> pd.DataFrame:
    """Return the last evaluation of each training."""
    keys = ["neurons", "generator", "change", "seed"]
    return table.loc[table.groupby(keys)["update"].idxmax()]


def spread(values: pd.Series, digits: int = 2, scale: float = 1.0) -> str:
    """Return median (smallest to largest) as text; empty where nothing is known."""
    known = scale * values.dropna()
    if not len(known):
        return "no scale"
    low, middle, high = (f"{x:.{digits}f}" for x in (known.min(), known.median(), known.max()))
    low, middle, high = (re.sub(r"^-(0\.?0*)$", r"\1", text) for text in (low, middle, high))
    text = middle if low == high else f"{middle} ({low} to {high})"
    missing = len(values) - len(known)
    return f"{text}; {missing} without a scale" if missing else text


def quality() -> pd.DataFrame:
    """Return the default trainings: time, recovery and statistics."""
    looks = study()
    looks = looks[looks["change"] == "none"]
    rows = []
    for (generator, neurons), runs in looks.groupby(["generator", "neurons"], sort=False):
        last = ends(runs)
        first = runs.loc[runs.groupby("seed")["update"].idxmin()]
        rows.append(
            {
                "generator": _GENERATORS[generator],
                "neurons": f"{neurons:,}",
                "planted": f"{last['planted'].iloc[0]:.0f}",
                "seeds": len(last),
                "seconds": spread(last["seconds"], 0),
                "recovered (%)": spread(last["recovered"], 0, 100),
                "after a tenth of the updates (%)": spread(first["recovered"], 0, 100),
                "means": spread(last["long mean_v"]),
                "⟨vh⟩": spread(last["long mean_vh"]),
                "covariances": spread(last["long cov_vv"]),
                "of assemblies": spread(last["long cov_hh"]),
            }
        )
    table = pd.DataFrame(rows)
    order = [*_GENERATORS.values()]
    size = table["neurons"].str.replace(",", "").astype(int)
    return table.iloc[np.lexsort((size, table["generator"].map(order.index)))]


def as_published() -> pd.DataFrame:
    """Return the trainings at paper scale, with samples drawn as in the paper."""
    last = ends(study())
    last = last[last["neurons"] == _LARGEST]
    rows = []
    for change, updates in (("none", "3,500"), ("n_updates=7000", "7,000")):
        for generator, name in _GENERATORS.items():
            runs = last[(last["change"] == change) & (last["generator"] == generator)]
            if not len(runs):
                continue
            rows.append(
                {
                    "recording": name,
                    "updates": updates,
                    "trainings": len(runs),
                    "seconds": spread(runs["seconds"], 0),
                    **{
                        label: spread(runs[f"published {column}"])
                        for label, column in (
                            ("⟨v⟩", "mean_v"),
                            ("⟨h⟩", "mean_h"),
                            ("⟨vh⟩", "mean_vh"),
                            ("cov(v, v)", "cov_vv"),
                            ("cov(h, h)", "cov_hh"),
                        )
                    },
                }
            )
    rows.append(
        {
            "recording": "published, a real recording",
            "updates": "200,000",
            "trainings": 1,
            "seconds": "57.8 hours",
            "⟨v⟩": "0.11",
            "⟨h⟩": "0.15",
            "⟨vh⟩": "0.09",
            "cov(v, v)": "-0.09",
            "cov(h, h)": "0.17",
        }
    )
    return pd.DataFrame(rows)


def published_code() -> pd.DataFrame:
    """Return our trainings beside those with the published code on the same recordings."""
    last = ends(study())
    compared = last[last["change"].str.startswith("reference")]
    pairs = set(zip(compared["generator"], compared["neurons"], strict=True))
    rows = []
    for generator, neurons in sorted(pairs, key=lambda pair: (pair[1], pair[0] == "crbm")):
        here = last[(last["generator"] == generator) & (last["neurons"] == neurons)]
        for change, name in _CODES.items():
            runs = here[here["change"] == change]
            if len(runs):
                rows.append(
                    {
                        "generator": _GENERATORS[generator],
                        "neurons": f"{neurons:,}",
                        "code": name,
                        "seeds": len(runs),
                        "seconds": spread(runs["seconds"], 0),
                        "recovered (%)": spread(runs["recovered"], 0, 100),
                        "covariances, short runs": spread(runs["cov_vv"]),
                        "means, short runs": spread(runs["mean_v"]),
                    }
                )
    return pd.DataFrame(rows)


def update_time() -> pd.DataFrame:
    """Return milliseconds for each update, with ratios to ours."""
    table = pd.read_csv(HERE / "results" / "update_time.csv")
    ours = table[table["side"] == "ours, dense weights"].set_index("case")
    for threads in ("two threads", "one thread"):
        column = f"{threads} (ms)"
        ratio = table[column] / table["case"].map(ours[column])
        table[column] = [f"{ms:g} ({r:.2g} x)" for ms, r in zip(table[column], ratio, strict=True)]
    return table


def family() -> pd.DataFrame:
    """Return the trainings on recordings of random kinds, which did not choose the settings."""
    table = pd.read_csv(HERE / "results" / "family.csv")
    named = {"apart": "3.5 % active", "low": "1.6 % active"}
    numbers = table["recording"].astype(str)
    size = [f"{n:,} x {t:,}" for n, t in zip(table["n_neurons"], table["n_frames"], strict=True)]
    return pd.DataFrame(
        {
            "recording": table["set"].map(named).fillna("number " + numbers),
            "seed": table["seed"],
            "generator": table["generator"],
            "neurons x frames": size,
            "active (%)": (100 * table["activity"]).map("{:.1f}".format),
            "planted": table["n_assemblies"],
            "found": table["courses_found"],
            "covariances": table["cov_vv"].map("{:.2f}".format).replace("nan", "no scale"),
            "of assemblies": table["cov_hh"].map("{:.2f}".format).replace("nan", "no scale"),
            "explained": table["explained"].map("{:.2f}".format).replace("nan", "none"),
            "settled": table["settled"].map({True: "yes", False: "no"}),
            "verdict": table["outcome"],
        }
    )


_COUPLINGS = {
    "directed": "each drives another one",
    "symmetric": "pairs drive each other equally",
    "common": "a hidden signal drives all, at different delays",
    "drift": "rates drift together",
    "none": "independent",
}


def directions() -> pd.DataFrame:
    """Return what was found of planted couplings and directions, and what was invented."""
    runs = pd.read_csv(HERE / "results" / "directions.csv")
    rows = []
    for kind, name in _COUPLINGS.items():
        for courses, known in (("model", "model"), ("planted states", "known states")):
            own = runs[(runs["kind"] == kind) & (runs["courses"] == courses)]
            if not len(own):
                continue
            planted, sums = own["planted"].sum(), own.sum(numeric_only=True)
            some = planted > 0
            one_way = sums["planted_directions"] > 0
            rows.append(
                {
                    "recordings": f"{name} ({len(own)})",
                    "activity": known,
                    "AUROC of planted couplings": spread(own["auroc"]) if some else "",
                    "planted directions found": (
                        f"{sums['directed']:.0f} of {sums['planted_directions']:.0f}"
                        if one_way
                        else ""
                    ),
                    "false directions": f"{sums['false_directions']:.0f}",
                    "of pairs": f"{sums['pairs']:.0f}",
                    "recordings with any": f"{(own['false_directions'] > 0).sum()}",
                }
            )
    return pd.DataFrame(rows)


TABLES = {
    "directions": directions,
    "family": family,
    "quality": quality,
    "as_published": as_published,
    "published_code": published_code,
    "update_time": update_time,
}


def table_of(name: str) -> str:
    """Return a table as Markdown: one computed here, or an unchanged file of results."""
    made = TABLES.get(name)
    table = made() if made else pd.read_csv(HERE / "results" / f"{name}.csv", dtype=str)
    table = table.fillna("").astype(str)
    lines = [table.columns.tolist(), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def page(text: str) -> str:
    """Return the page with all its tables updated."""
    return _TABLE.sub(lambda found: found[1] + table_of(found[2]) + found[3], text)


def _axes(width: float, height: float):
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, figure.add_subplot()


def plot_speed(path: Path) -> None:
    """Draw the time of an update beside that of other implementations."""
    table = pd.read_csv(HERE / "results" / "update_time.csv")
    figure, axes = _axes(6.4, 2.6)
    table = table[table["case"] == "44,055 x 200"].iloc[::-1]
    colours = [ORANGE if side.startswith("ours") else GREY for side in table["side"]]
    axes.barh(table["side"], table["two threads (ms)"], color=colours)
    for row, ms in enumerate(table["two threads (ms)"]):
        axes.text(ms, row, f" {ms:g}", va="center", fontsize=8)
    axes.set_xlabel("ms for each update, 44,055 neurons x 200 hidden units, two threads")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def plot_quality(path: Path) -> None:
    """Draw how many planted assemblies are recovered, over the time of training."""
    looks = study()
    figure, axes = _axes(6.4, 3.2)
    sizes = {500: BLUE, 2000: GREEN, 10000: ORANGE, _LARGEST: GREY}
    for (neurons, generator), runs in looks[looks["change"] == "none"].groupby(
        ["neurons", "generator"]
    ):
        middle = runs.groupby("update")[["seconds", "recovered"]].median()
        style = "-o" if generator == "noisy-or" else "--s"
        label = f"{neurons:,} neurons, {_GENERATORS[generator]}"
        axes.plot(
            middle["seconds"],
            100 * middle["recovered"],
            style,
            ms=4,
            label=label,
            color=sizes[neurons],
        )
    published = looks[looks["change"].str.startswith("reference")]
    for k, (neurons, runs) in enumerate(ends(published).groupby("neurons")):
        label = "published code, same colours" if k == 0 else None
        axes.plot(runs["seconds"], 100 * runs["recovered"], "x", color=sizes[neurons], label=label)
    axes.set(
        xscale="log",
        ylim=(-3, 103),
        xlabel="processor seconds of training (one thread)",
        ylabel="assemblies recovered (%)",
    )
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Rewrite the page and its plots, or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        made = page(text)
        if check and made != text:
            sys.exit(f"{path.relative_to(HERE.parent)}: run python benchmarks/summary.py")
        if not check:
            path.write_text(made, encoding="utf-8")
    if check:
        return
    matplotlib.rcParams["svg.hashsalt"] = "napari-crbm"
    plot_speed(IMAGES / "benchmark-speed.svg")
    plot_quality(IMAGES / "benchmark-quality.svg")


if __name__ == "__main__":
    main()
