"""Every snippet and command of the documents runs as written, page after page."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import h5py
import matplotlib
import numpy as np
import pandas as pd
import pytest

from napari_crbm.cli import main
from napari_crbm.io import open_recording, save_model, save_recording
from napari_crbm.model import CRBM, draw, log_partition
from napari_crbm.model.training import settings
from napari_crbm.simulation import simulate, simulate_to_file
from tests.docs.pages import PAGES, ROOT, snippets

N_NEURONS, N_FRAMES = 160, 800
# What is tested is that the code runs: trainings are cut to so many updates, burn-in and
# annealed importance sampling to so many steps, and frames told apart to so many.
UPDATES, STEPS, FRAMES = 20, 20, 60
WITH_CODE = [page for page in PAGES if any(part.runs for part in snippets(page))]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Files that the pages speak of: tiny recordings, models of them, an unknown layout."""
    folder = tmp_path_factory.mktemp("documents")
    models = {
        "fish.h5": {"model.h5": 0, "other-seed.h5": 1, "other-fold.h5": 2},
        "other-fish.h5": {"other-fish.model.h5": 0},
    }
    for seed, (name, wanted) in enumerate(models.items()):
        simulate_to_file(
            folder / name,
            n_neurons=N_NEURONS,
            n_frames=N_FRAMES,
            n_assemblies=4,
            n_tuned=2,
            seed=seed,
        )
        recording = simulate(N_NEURONS, N_FRAMES, 4, n_tuned=2, seed=seed).recording
        for model, random_state in wanted.items():
            learned = CRBM(5, n_updates=100, random_state=random_state).fit(recording.spikes)
            save_model(learned, folder / model, recording)
    fish = open_recording(folder / "fish.h5")
    later = fish.spikes.select_frames(slice(N_FRAMES - 1, None, -1))
    save_recording(replace(fish, spikes=later, name="later"), folder / "later-session.h5")
    calcium = simulate(60, 300, 3, fluorescence=True).recording
    save_recording(calcium, folder / "calcium.h5")
    traces = calcium.fluorescence.frames(0, 300)
    places = calcium.coordinates[:, ::-1]
    np.savetxt(folder / "front.txt", np.arange(41), "%d")
    np.savetxt(folder / "back.txt", np.arange(41, 91), "%d")
    np.savez(folder / "calcium.npz", dff=traces, xyz=places)
    with h5py.File(folder / "export.h5", "w") as file:
        file["session/calcium/dFF"] = traces
        file["session/calcium/fs"] = 4.0
        file["session/roi/centroids"] = places.T / 1000
    _suite2p(folder / "suite2p" / "plane0", traces)
    names = ["Optic tectum L", "Optic tectum R", "Cerebellum L", "Cerebellum R", "Pallium L"]
    table = pd.DataFrame(np.arange(25.0).reshape(5, 5) + 1, names, names)
    table.to_csv(folder / "structural.csv")
    times = np.arange(0, N_FRAMES / 4, 0.1)
    pd.DataFrame({"time_s": times, "tail": np.sin(times)}).to_csv(
        folder / "behaviour.csv", index=False
    )
    pd.DataFrame({"onset_s": np.arange(5, 65, 7.5)}).to_csv(folder / "events.csv", index=False)
    return folder


def _suite2p(folder, traces):
    folder.mkdir(parents=True)
    n_cells = traces.shape[1]
    cells = [
        {"ypix": np.array([k, k]), "xpix": np.array([k, k + 1]), "lam": np.ones(2), "med": [k, k]}
        for k in range(n_cells)
    ]
    np.save(folder / "F.npy", 100 * (1 + traces.T))
    np.save(folder / "Fneu.npy", np.zeros_like(traces.T))
    np.save(folder / "iscell.npy", np.ones((n_cells, 2)))
    np.save(folder / "stat.npy", np.array(cells, dtype=object), allow_pickle=True)
    np.save(folder / "ops.npy", {"fs": 4.0, "neucoeff": 0.7}, allow_pickle=True)


@pytest.fixture
def folder(files, tmp_path, monkeypatch):
    """A folder with these files, in which a page is followed."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name, recipe in settings.RECIPES.items():
        monkeypatch.setitem(settings.RECIPES, name, replace(recipe, n_updates=UPDATES))
    monkeypatch.setitem(draw.__kwdefaults__, "max_burn_in", STEPS)
    monkeypatch.setitem(draw.__kwdefaults__, "max_thin", 2)
    monkeypatch.setitem(log_partition.__kwdefaults__, "n_betas", STEPS)
    monkeypatch.setattr("napari_crbm.analysis.dreams.discrimination._FRAMES", FRAMES)
    matplotlib.use("Agg")
    return tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs_as_written(page, folder, monkeypatch, capsys):
    names = {"__name__": "__main__"}
    for snippet in snippets(page):
        if not snippet.runs:
            continue
        if snippet.language == "python":
            code = compile("\n" * snippet.line + snippet.code, str(page), "exec")
            exec(code, names)
            continue
        for words in snippet.commands:
            where = f"{page.name}, line {snippet.line}: {' '.join(words)}"
            assert words[0] == "napari-crbm", f"{where} is not marked as not run"
            monkeypatch.setattr(sys, "argv", words)
            try:
                main()
            except SystemExit as end:
                assert not end.code, f"{where} ended with {end.code}: {capsys.readouterr().err}"
    if page.name == "outputs.md":
        _columns_are_those_written(page, folder)


def _columns_are_those_written(page, folder):
    """Compare the columns that the page lists for each file with those in the file."""
    sections = page.read_text(encoding="utf-8").split("\n### `")[1:]
    compared, different = 0, {}
    for section in sections:
        name, _, text = section.partition("`")
        listed = [
            line.split("|")[1].strip(" `")
            for line in text.split("\n## ")[0].splitlines()
            if line.startswith("| `")
        ]
        if listed:
            written = pd.read_csv(folder / name, nrows=1).columns.tolist()
            compared += 1
            if written != listed:
                different[name] = (written, listed)
    assert not different
    assert compared > 15
