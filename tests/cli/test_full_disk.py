"""Whole commands under a write that fails: nothing is lost, and each says so in one sentence.

A shim lets the n-th call that writes, syncs or renames fail, for n from 0 until a command needs
fewer calls: once, or for that call and all after it, as on a disk that is full. Some commands
need hundreds of calls, so beyond the first dozen only some n are tried;
``NAPARI_CRBM_EVERY_WRITE=1`` tries all.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
from pathlib import Path

import pytest

from napari_crbm.errors import CRBMError
from napari_crbm.io import load_checkpoint, load_model
from napari_crbm.io.safety import replacing
from napari_crbm.model import Pace
from tests.cli.test_cli import run

SMALL = ["--neurons", "60", "--frames", "240", "--assemblies", "2"]
EVERY_WRITE = os.environ.get("NAPARI_CRBM_EVERY_WRITE") == "1"
QUICK = ["--updates", "3", "--chains", "10", "--n-hidden", "2", "--test-blocks", "0"]


class FailingDisk:
    """Calls that write below a folder fail from the n-th on, or the n-th alone."""

    def __init__(self, monkeypatch, folder: Path) -> None:
        self.left, self.forever, self.failed, self.n_calls = 1 << 30, True, False, 0
        disk, plain = self, builtins.open

        class Raw(io.FileIO):
            halved = False

            def write(self, data):
                disk.spend()
                # Half of the bytes first, then the rest, as real disks may do.
                self.halved = not self.halved and len(data) > 1
                return super().write(bytes(data)[: len(data) // 2 if self.halved else None])

        def opened(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **rest):
            inside = isinstance(file, str | os.PathLike) and folder in Path(file).parents
            if not inside or not set(mode) & set("wax+"):
                return plain(file, mode, buffering, encoding, errors, newline, **rest)
            raw = Raw(file, mode.replace("b", "").replace("t", ""))
            binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return binary if "b" in mode else io.TextIOWrapper(binary, encoding, errors, newline)

        fsync, rename = os.fsync, replacing._rename
        monkeypatch.setattr(builtins, "open", opened)
        monkeypatch.setattr(io, "open", opened)
        monkeypatch.setattr(replacing, "_raw_file", lambda path: Raw(path, "x+"))
        monkeypatch.setattr(replacing.os, "fsync", lambda number: (disk.spend(), fsync(number)))
        monkeypatch.setattr(replacing, "_rename", lambda a, b: (disk.spend(), rename(a, b)))

    def spend(self) -> None:
        self.n_calls += 1
        self.left -= 1
        if self.left == -1 or (self.left < -1 and self.forever):
            self.failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails_at(self, n: int, forever: bool) -> None:
        self.left, self.forever, self.failed = n, forever, False

    def works(self) -> None:
        self.fails_at(1 << 30, True)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    run("simulate", folder / "fish.h5", *SMALL)
    run("train", folder / "fish.h5", "-o", folder / "m.h5", *QUICK)
    return folder


@pytest.fixture
def place(originals, tmp_path, monkeypatch):
    """A folder with recording and model, in which the commands run."""
    for name in ("fish.h5", "m.h5"):
        (tmp_path / name).write_bytes((originals / name).read_bytes())
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    # How long a training will take is measured for most of a second each time.
    monkeypatch.setattr("napari_crbm.model.measure_pace", lambda *_: Pace(0.0, 0.001))
    return tmp_path


def numbers(n_calls: int = 1 << 30):
    """Every n up to a dozen, then ever fewer: some files take hundreds of calls.

    The last one is so large that no call fails.
    """
    n = 0
    while n <= n_calls:
        yield n
        n += 1 if EVERY_WRITE or n < 12 else n // 2
    yield 2 * n_calls


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def attempt(arguments) -> str:
    """Run a command; what it says if it fails, and its warnings."""
    try:
        result = run(*arguments)
    except CRBMError as error:
        assert "\n" not in str(error)
        return str(error)
    except AssertionError as error:
        # A command may end with 1 after it has warned.
        text = str(error)
        assert "Traceback" not in text
        return text
    return result.stderr


EXPORTS = {
    "assemblies": ("assemblies", "m.h5", "fish.h5", "-o", "out/assemblies.csv"),
    "figure": ("figure", "m.h5", "fish.h5", "--assembly", "0", "-o", "out", "--force"),
    "connectivity": (
        *("connectivity", "m.h5", "fish.h5", "-o", "out", "--min-neurons", "1"),
        *("--neuron", "3"),
    ),
    "convert": ("convert", "m.h5", "out/copy.h5", "--force"),
    "preprocess": ("preprocess", "fish.h5", "out/kept.h5", "--keep-spikes", "--force"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_fails_leaves_what_was_there(name, place, monkeypatch):
    arguments = EXPORTS[name]
    disk = FailingDisk(monkeypatch, place)
    run(*arguments)
    before = contents(place)
    for n in numbers():
        disk.fails_at(n, forever=True)
        said = attempt(arguments)
        failed = disk.failed
        disk.works()
        now = contents(place)
        # Old files are whole, new ones are the same again; nothing half written lies about.
        assert set(now) == set(before), n
        assert now["fish.h5"] == before["fish.h5"] and now["m.h5"] == before["m.h5"]
        if not failed:
            break
        assert "No space left on device" in said, (n, said)
        for file in now:
            if file.endswith(".csv"):
                assert now[file] == before[file], (n, file)
    assert n >= 2
    print(f"{name}: a failure at each of {n} calls" if EVERY_WRITE else "")


@pytest.mark.parametrize("forever", [False, True])
def test_a_training_keeps_a_checkpoint_or_a_model(forever, place, monkeypatch):
    arguments = ("train", "fish.h5", "-o", "out/new.h5", *QUICK, "--checkpoint-minutes", "0")
    disk = FailingDisk(monkeypatch, place)
    before = contents(place)
    n_kept = 0
    attempt(arguments)
    n_calls = disk.n_calls
    (place / "out" / "new.h5").unlink()
    # Two late calls, when the checkpoint is complete and the model is not.
    for n in (9 * n_calls // 10, n_calls - 5, *numbers(n_calls)):
        disk.fails_at(n, forever)
        said = attempt(arguments)
        failed = disk.failed
        disk.works()
        now = contents(place)
        assert {name: now[name] for name in before} == before
        fresh = {name: place / name for name in set(now) - set(before)}
        assert not [name for name in fresh if ".part" in name]
        models = [path for name, path in fresh.items() if "checkpoint" not in name]
        for path in models:
            assert load_model(path).n_neurons == 60
        checkpoints = [path for name, path in fresh.items() if "checkpoint" in name]
        for path in checkpoints:
            assert load_checkpoint(path)["update"] >= 0
        n_kept += bool(models or checkpoints)
        if not failed:
            assert (place / "out" / "new.h5").exists() and not checkpoints
            break
        assert "No space left on device" in said, (n, said)
        # A single failure is survived: another checkpoint, or another name.
        assert forever or models or "Nothing can be written" in said, (n, said)
        for path in fresh.values():
            path.unlink()
    assert n >= 6 and n_kept >= 3
    print(f"training: a failure at each of {n} calls, {n_kept} kept" if EVERY_WRITE else "")


def test_a_sweep_goes_on_after_a_failed_write(place, monkeypatch):
    arguments = (
        *("sweep", "fish.h5", "-o", "out/sweep", "--n-hidden", "2", "--l1", "0.01", "--folds", "2"),
        *("--updates", "3", "--chains", "10", "--workers", "1", "--threads", "1", "--json"),
    )
    disk = FailingDisk(monkeypatch, place)
    before = contents(place)
    for n in numbers() if EVERY_WRITE else (0, 1, 2, 3, 5, 8, 13, 21, 34, 55):
        if EVERY_WRITE:
            shutil.rmtree(place / "out" / "sweep", ignore_errors=True)
        disk.fails_at(n, forever=True)
        said = attempt(arguments)
        failed = disk.failed
        disk.works()
        now = contents(place)
        assert {name: now[name] for name in before} == before
        assert not [name for name in now if ".part" in name]
        if not failed:
            break
        assert "No space left on device" in said, (n, said)
        for name in set(now) - set(before):
            if name.endswith("model.h5"):
                assert load_model(place / name).n_neurons == 60
    print(f"sweep: a failure at each of {n} calls" if EVERY_WRITE else "")
    # The same line again completes what was there.
    run(*arguments)
    assert load_model(place / "out" / "sweep" / "selected.model.h5").n_neurons == 60
