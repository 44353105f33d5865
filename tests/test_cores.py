import os

import pytest

from napari_crbm.analysis.selection import run
from napari_crbm.cores import available_cores
from napari_crbm.preprocessing import streaming


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="not on this system")
def test_cores_are_those_the_process_is_bound_to():
    bound = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(bound)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, bound)
    assert available_cores() == len(bound)


@pytest.mark.parametrize("module", [run, streaming])
def test_everything_that_shares_cores_out_asks_the_same_function(module):
    assert module.available_cores is available_cores
