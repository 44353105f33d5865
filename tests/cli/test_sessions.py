"""``napari-crbm join`` and ``split``."""

import numpy as np
import pytest

from napari_crbm.cli.sessions import file_names
from napari_crbm.errors import CRBMError, RecordingError
from napari_crbm.io import open_recording, save_recording
from tests.cli.test_cli import run
from tests.preprocessing.test_sessions import require_equal, session


def test_join_and_split(tmp_path):
    paths = [save_recording(session(40, seed), tmp_path / f"day{seed}.h5") for seed in (1, 2)]
    joined = tmp_path / "joined.h5"
    result = run("join", *paths, "-o", joined, "--name", "morning", "--name", "a/b: evening")
    assert "2 sessions" in result.stderr
    recording = open_recording(joined)
    assert recording.segments == ((0, 40), (40, 80))
    text = " ".join(run("info", joined).stdout.split())
    assert "segment 2 40 frames" in text and "join sessions" in text
    result = run("split", joined, tmp_path / "parts")
    for name, path in (("morning", paths[0]), ("a-b-evening", paths[1])):
        part = open_recording(tmp_path / "parts" / f"{name}.h5")
        require_equal(part, open_recording(path).__class__(**{**vars_of(path), "name": part.name}))
    with pytest.raises(CRBMError, match="exists already"):
        run("split", joined, tmp_path / "parts")
    with pytest.raises(CRBMError, match="is an input"):
        run("join", *paths, "-o", paths[0], "--force")
    np.testing.assert_array_equal(open_recording(paths[0]).times, session(40, 1).times)


def vars_of(path) -> dict:
    recording = open_recording(path)
    return {field: getattr(recording, field) for field in recording.__dataclass_fields__}


def test_sessions_of_other_neurons_are_refused(tmp_path):
    other = session(40, 2).select_neurons(np.arange(5), "fewer")
    paths = [
        save_recording(session(40, 1), tmp_path / "a.h5"),
        save_recording(other, tmp_path / "b.h5"),
    ]
    with pytest.raises(RecordingError, match="same neurons"):
        run("join", *paths, "-o", tmp_path / "c.h5")
    assert not (tmp_path / "c.h5").exists()


def test_names_of_files_never_leave_the_folder(tmp_path):
    names = ["../../x", "", "..", "a", "a", "a:b\n\x1b[31m"]
    paths = file_names(tmp_path, names)
    assert len(set(paths)) == len(names)
    assert {path.parent for path in paths} == {tmp_path}
    assert all(path.name.isprintable() and path.name.isascii() for path in paths)
