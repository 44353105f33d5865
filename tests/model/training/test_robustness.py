"""Exactness of every fast path, whatever the threads; interruption without warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_crbm.io import load_checkpoint
from napari_crbm.model import Training
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.randomness import stream, subkey, uniform32
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, SparseWeights
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes
from tests.conftest import planted_raster

N, M = 330, 7


def uniforms(key: np.uint64, n_chains: int) -> np.ndarray:
    """The number that decides on every neuron in every chain, (B, N)."""
    out = np.empty((n_chains, N))
    for i in range(N):
        own = int(subkey(key, i))
        low, high = np.uint32(own & 0xFFFFFFFF), np.uint32(own >> 32)
        out[:, i] = [uniform32(low, high, np.uint32(b)) for b in range(n_chains)]
    return out


@pytest.mark.parametrize("n_chains", [1, 15, 16, 63, 64, 65, 130])
@pytest.mark.parametrize("density", [0.05, 1.0])
def test_every_draw_of_a_neuron_is_that_of_float64(density, n_chains):
    """Random numbers are known, so each neuron of each chain has one right answer."""
    generator = np.random.default_rng(n_chains)
    weights = generator.normal(0, 0.5, (N, M)).astype(np.float32)
    weights[generator.random((N, M)) > density] = 0
    fields = generator.normal(-2, 1, N).astype(np.float32)
    level = generator.normal(0, 1, M)
    stiff = np.full(M, 1e10)
    units = DReLU(stiff, stiff, -stiff * level, stiff * level)
    p = 1 / (1 + np.exp(-(weights.astype(np.float64) @ level + fields)))
    key = stream(8, n_chains)
    u = uniforms(np.uint64(subkey(key, 1)), n_chains)
    sure = np.abs(u - p) > 2e-5
    for form in (DenseWeights(weights), SparseWeights.where(weights, weights != 0)):
        inputs = np.zeros((n_chains, M), dtype=np.float32)
        bits = np.zeros((N, -(-n_chains // 64)), dtype=np.uint64)
        with kernel_threads():
            form.gibbs(fields, units, inputs, bits, key, 1)
        drawn = dense_from_bits(bits, n_chains)
        assert np.array_equal(drawn[sure], (u < p)[sure])
        assert np.array_equal(bits, bits_from_dense(drawn)), "no bits beyond the last chain"
        np.testing.assert_allclose(inputs, drawn.astype(np.float64) @ weights, atol=2e-5)


def run_python(code: str, **environment: str) -> str:
    """Run code in a new process that finds this package and these tests."""
    root = str(Path(__file__).parents[3])
    paths = os.pathsep.join([root, *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_one_two_and_four_threads_give_the_same_bits():
    """Also on a machine with fewer cores: Numba makes as many threads as it is told."""
    printed = run_python(
        "from tests.model.every_kernel import fingerprint\n"
        "print(*[fingerprint(n) for n in (1, 2, 4)])",
        NUMBA_NUM_THREADS="4",
    )
    assert len(printed.split()) == 3
    assert len(set(printed.split())) == 1


# --- kill -9 ------------------------------------------------------------------------------

TRAINER = """
import sys
from napari_crbm.io import save_checkpoint
from napari_crbm.model import Settings, Training
from tests.conftest import planted_raster
training = Training(planted_raster()[0], Settings(n_hidden=6, n_updates=100_000, n_chains=20))
for progress in training:
    if progress.phase == "training":
        save_checkpoint(training.checkpoint(), sys.argv[1])
        print(training.update, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_training_loses_the_last_interval_at_most(tmp_path):
    """Killed at random moments, also while it writes: the file is whole, and it goes on."""
    spikes, _ = planted_raster()
    generator = np.random.default_rng()
    path = tmp_path / "training.checkpoint.h5"
    root = str(Path(__file__).parents[3])
    paths = os.pathsep.join([root, *filter(None, sys.path)])
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", TRAINER, str(path)],
            env={**os.environ, "PYTHONPATH": paths, "NUMBA_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(generator.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        kept = [int(line) for line in (first, *process.stdout)]
        assert process.wait() == -signal.SIGKILL
        state = load_checkpoint(path)
        assert state["update"] >= kept[-1], "what was reported as kept is there"
        resumed = Training(spikes, resume=state)
        next(iter(resumed))
        assert Spikes.from_dense(dense_from_bits(state["chain_bits"], 20)).n_neurons == 300


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    """The write is stopped half way for certain; the left-over goes with the next write."""
    path = tmp_path / "state.h5"
    code = (
        "import os, signal, sys, numpy as np\n"
        "from napari_crbm.io import save_checkpoint\n"
        "from napari_crbm.io.models import checkpoints\n"
        "save_checkpoint({'update': 1}, sys.argv[1])\n"
        "write = checkpoints._write\n"
        "def half(group, key, value):\n"
        "    if key == 'b': group.file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(group, key, value)\n"
        "checkpoints._write = half\n"
        "save_checkpoint({'a': np.zeros(10**6), 'b': 1}, sys.argv[1])\n"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == -signal.SIGKILL
    assert load_checkpoint(path) == {"update": 1}
    from napari_crbm.io import save_checkpoint

    left = [p for p in tmp_path.iterdir() if p != path]
    assert len(left) == 1
    old = time.time() - 7200
    os.utime(left[0], (old, old))
    save_checkpoint({"update": 2}, path)
    assert list(tmp_path.iterdir()) == [path]
