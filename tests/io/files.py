"""Small files in other people's layouts, written on the spot."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.spikes import Spikes

N_FRAMES, N_NEURONS, N_REGIONS = 61, 43, 294


class PaperContent:
    """What a file in the paper's layout holds, in its stored orientation."""

    def __init__(self, n_frames: int = N_FRAMES, n_neurons: int = N_NEURONS, seed: int = 0):
        generator = np.random.default_rng(seed)
        self.raster = generator.random((n_frames, n_neurons)) < 0.2
        self.dff = generator.normal(size=(n_frames, n_neurons)).astype(np.float32)
        self.xyz_mm = generator.random((n_neurons, 3)) * [0.49, 1.12, 0.27]
        self.times = 10.0 + np.arange(n_frames) / 3.9
        self.labels = np.zeros((N_REGIONS, n_neurons), dtype=np.uint8)
        self.labels[5, : n_neurons // 2] = 1
        self.labels[200, n_neurons // 4 : n_neurons // 2 + 3] = 1
        self.datasets = {
            "Data/Brain/Coordinates": (self.xyz_mm + 0.05).T,
            "Data/Brain/ZBrainCoordinates": self.xyz_mm.T,
            "Data/Brain/Times": self.times[:, None],
            "Data/Brain/Labels": self.labels,
            "Data/Brain/Analysis/ThresholdedSpikes": self.raster.astype(np.uint8),
            "Data/Brain/Analysis/DFF": self.dff,
        }

    def write(self, path: Path, **chunks: tuple[int, int]) -> Path:
        with h5py.File(path, "w") as file:
            for name, values in self.datasets.items():
                file.create_dataset(name, data=values, chunks=chunks.get(name.split("/")[-1]))
        return path


def small_recording(n_frames: int = 70, n_neurons: int = 21, seed: int = 1) -> Recording:
    """A recording with everything but fluorescence."""
    generator = np.random.default_rng(seed)
    return Recording(
        coordinates=generator.random((n_neurons, 3)) * 300,
        spikes=Spikes.from_dense(generator.random((n_frames, n_neurons)) < 0.3),
        times=np.arange(n_frames) / 4.0,
        name="larva 3",
        regions=Regions.from_labels(generator.integers(-1, 3, n_neurons), ["A", "B/1", "Ç"]),
        traces={"tail/angle": generator.normal(size=n_frames)},
        metadata={"age_dpf": 6, "line": "elavl3:H2B-GCaMP6s"},
        provenance=(Step("registered", {"to": "ZBrain", "pixels_um": [0.8, 0.8, 2.0]}),),
    )


def planted_traces(
    n_neurons: int, n_frames: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spikes of 5 % activity, their calcium and the noise, all (neurons, frames)."""
    generator = np.random.default_rng(seed)
    spikes = generator.random((n_neurons, n_frames)) < 0.05
    decay = 0.8 ** np.arange(20)
    clean = np.apply_along_axis(np.convolve, 1, 30.0 * spikes, decay)[:, :n_frames]
    return spikes, clean, generator.normal(0, 1, clean.shape)
