"""Exports: written as described, again by their own code, with their origin inside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_crbm.errors import CRBMError
from napari_crbm.figures import KINDS, Export
from napari_crbm.io import load_model, open_recording
from napari_crbm.viewer.sample_data import sample_folder


@pytest.fixture(scope="module")
def pair():
    folder = sample_folder()
    return load_model(folder / "model.h5"), open_recording(folder / "recording.h5")


def test_size_resolution_and_origin(pair, tmp_path):
    model, recording = pair
    export = Export("sheet", tmp_path / "a.png", assembly=3, width_mm=100, dpi=127)
    (path,) = export.write(model, recording)
    with Image.open(path) as picture:
        assert picture.width == 500
        about = picture.info["Description"]
    assert recording.fingerprint in about and '"assembly": 3' in about and "n_hidden" in about
    (path,) = Export("gallery", tmp_path / "g.svg", theme="dark").write(model, recording)
    assert recording.fingerprint in path.read_text()


@pytest.mark.parametrize("kind", ["sheet", "tables"])
def test_the_code_writes_the_same_again(pair, tmp_path, kind):
    model, recording = pair
    first, second = tmp_path / "first", tmp_path / "second"
    written = {}
    for folder in (first, second):
        folder.mkdir()
        path = folder if kind == "tables" else folder / "a.png"
        export = Export(kind, path, assembly=2 if kind == "sheet" else None, dpi=80)
        if folder == first:
            export.write(model, recording)
        else:
            code = export.code(sample_folder() / "recording.h5", sample_folder() / "model.h5")
            exec(compile(code, "export", "exec"), {})
        written[folder] = sorted(folder.iterdir())
    names = [[path.name for path in paths] for paths in written.values()]
    assert names[0] == names[1] and names[0]
    for one, other in zip(*written.values(), strict=True):
        if one.suffix == ".png":
            np.testing.assert_array_equal(
                np.asarray(Image.open(one)), np.asarray(Image.open(other))
            )
        else:
            assert one.read_bytes() == other.read_bytes()


def test_every_kind_of_figure_is_written(pair, tmp_path):
    model, recording = pair
    for kind, (_, endings) in KINDS.items():
        if kind in ("tables", "book"):
            continue
        path = tmp_path / f"{kind}{endings[0]}"
        assert Export(kind, path, assembly=0, dpi=60).write(model, recording) == [path]
        assert path.read_bytes().startswith(b"%PDF")


def test_choices_that_make_no_sense_are_said():
    for arguments, message in (
        (("poster", Path("a.pdf")), "Cannot export 'poster'"),
        (("book", Path("a.png")), "must end in .pdf"),
        (("sheet", Path("a.png")), "Choose an assembly"),
        (("gallery", Path("a.png"), None, "light", 3.0), "width must lie"),
        (("gallery", Path("a.png"), None, "light", None, 7), "resolution must lie"),
    ):
        with pytest.raises(CRBMError, match=message):
            Export(*arguments)
