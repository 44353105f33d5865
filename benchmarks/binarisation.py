"""Time and memory of binarising fluorescence that is larger than memory.

    python benchmarks/binarisation.py            # 20,000 neurons x 4,000 frames
    python benchmarks/binarisation.py --full     # 100,000 neurons x 20,000 frames, 8 GB of disk

The file is written first and then opened in a separate process, so that the peak memory is that
of opening alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np

BLOCK = 500


def write(path: Path, n_neurons: int, n_frames: int, layout: str) -> None:
    """Write noise with decaying transients; frames x neurons, or neurons x frames."""
    generator = np.random.default_rng(0)
    neurons_first = layout == "neurons x frames"
    shape = (n_neurons, n_frames) if neurons_first else (n_frames, n_neurons)
    kept: dict[str, Any] = {
        "chunks of 256 x 256": {"chunks": (min(256, n_frames), min(256, n_neurons))},
        "compressed, 64 frames x neurons": {"chunks": (64, n_neurons), "compression": "lzf"},
    }.get(layout, {})
    with h5py.File(path, "w") as file:
        file["positions"] = generator.random((n_neurons, 3)) * [500, 1000, 250]
        data = file.create_dataset("traces", shape, "f4", **kept)
        level = np.zeros(n_neurons, dtype=np.float32)
        # The same block of noise is reused; only its statistics matter here.
        noise = generator.normal(size=(BLOCK, n_neurons if not neurons_first else n_frames))
        noise = noise.astype(np.float32)
        for start in range(0, shape[0], BLOCK):
            part = np.roll(noise, start // BLOCK, axis=1)[: shape[0] - start]
            if neurons_first:
                part = part + 8 * (np.arange(n_frames) % 97 < 4)
            else:
                for row in part:
                    level = 0.9 * level
                    level[generator.integers(n_neurons, size=n_neurons // 40)] += 8
                    row += level
            data[start : start + len(part)] = part


def opened(path: Path, layout: str) -> None:
    """Open, binarise and report, in a child process."""
    from napari_crbm.io import Profile, open_recording

    profile = Profile(
        positions=("positions",),
        activity="traces",
        holds="fluorescence",
        threshold=3.0,
        neurons_first=layout == "neurons x frames",
        frame_rate_hz=2.0,
    )
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    warnings.simplefilter("ignore")
    told: list[float] = []
    start, cpu = time.perf_counter(), time.process_time()
    recording = open_recording(
        path, profile=profile, progress=lambda *_: told.append(time.perf_counter())
    )
    gaps = np.diff([start, *told])
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "cpu_seconds": time.process_time() - cpu,
                "read_gb": _read_bytes() / 1e9,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "idle_mb": idle,
                "longest_without_progress_s": float(gaps.max()),
                "rate": recording.spikes.rate,
                "packed_mb": recording.spikes.packed.nbytes / 2**20,
            }
        )
    )


def _read_bytes() -> int:
    """Return the bytes that this process has read; 0 where that is not known."""
    try:
        counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    except OSError:
        return 0
    return int(counts["rchar"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="100,000 neurons x 20,000 frames")
    parser.add_argument("--smoke", action="store_true", help="2,000 neurons x 1,000 frames")
    parser.add_argument("--folder", type=Path, help="where the file is written")
    parser.add_argument("--layout", help="only this one")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.open:
        opened(arguments.open, arguments.layout)
        return
    n_neurons, n_frames = 20_000, 4_000
    if arguments.full:
        n_neurons, n_frames = 100_000, 20_000
    if arguments.smoke:
        n_neurons, n_frames = 2_000, 1_000
    layouts = [
        "frames x neurons",
        "compressed, 64 frames x neurons",
        "chunks of 256 x 256",
        "neurons x frames",
    ]
    for layout in [arguments.layout] if arguments.layout else layouts:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            path = Path(folder) / "fluorescence.h5"
            write(path, n_neurons, n_frames, layout)
            if hasattr(os, "posix_fadvise"):
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            command = [sys.executable, __file__, "--open", str(path), "--layout", layout]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            size = path.stat().st_size / 2**20
            print(
                f"{layout}, {n_neurons:,} neurons x {n_frames:,} frames, {size:,.0f} MB: "
                f"{found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of processor), "
                f"{found['read_gb']:.1f} GB read, peak "
                f"{found['peak_mb']:,.0f} MB ({found['idle_mb']:,.0f} before, result "
                f"{found['packed_mb']:,.0f}), at most {found['longest_without_progress_s']:.1f} s "
                f"between reports, {100 * found['rate']:.2f} % active",
                flush=True,
            )


if __name__ == "__main__":
    main()
