import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import napari_crbm
from napari_crbm.errors import CRBMError
from napari_crbm.model.compute import numba_cache

PACKAGE = Path(napari_crbm.__file__).parent
SAMPLE = Path(__file__).parents[3] / "sample_data" / "recording.h5"


@pytest.mark.skipif(os.name != "posix", reason="the folders of POSIX")
def test_kernels_compile_where_neither_package_nor_home_can_be_written(tmp_path):
    """A file where each folder would be stops every user, root too."""
    package = tmp_path / "site" / "napari_crbm"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in {path.parent for path in package.rglob("*.py")}:
        (folder / "__pycache__").touch()
    (tmp_path / "home").touch()
    (tmp_path / "temporary").mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    environment |= {
        "PYTHONPATH": str(tmp_path / "site"),
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home" / "cache"),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    code = (
        "import sys, numpy as np, napari_crbm\n"
        "from napari_crbm.model.compute.kernels.bits import lowest\n"
        "assert napari_crbm.__file__.startswith(sys.argv[1])\n"
        "napari_crbm.open(sys.argv[2])\n"
        "print(lowest(np.uint64(12)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, tmp_path, SAMPLE],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "4"
    [folder] = (tmp_path / "temporary").iterdir()
    assert list(folder.rglob("*.nbi")), "compiled code is kept"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="the permissions of POSIX")
def test_compiled_code_is_not_loaded_from_a_folder_that_others_can_write(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_to_all = tmp_path / f"napari-crbm-numba-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    folder = numba_cache._temporary_folder()
    assert folder.parent == tmp_path and folder != open_to_all
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_taken_for_an_own_folder(tmp_path, monkeypatch):
    if not hasattr(os, "getuid"):
        pytest.skip("the permissions of POSIX")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / f"napari-crbm-numba-{os.getuid()}"
    link.symlink_to(elsewhere)
    assert numba_cache._temporary_folder() not in (link, elsewhere)


def test_no_folder_at_all_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(CRBMError, match="NUMBA_CACHE_DIR"):
        numba_cache._temporary_folder()


def test_the_choice_of_the_user_stands(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "chosen")
    monkeypatch.setattr(numba_cache, "_is_writable", lambda _: False)
    numba_cache.ensure_cache_folder()
    assert os.environ["NUMBA_CACHE_DIR"] == "chosen"
