"""Simulate recordings with known assemblies, in memory or streamed to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.anatomy import larval_fish
from napari_crbm.io import RecordingWriter
from napari_crbm.recording import Recording, Step
from napari_crbm.regions import Regions
from napari_crbm.simulation.common_gain import common_gain
from napari_crbm.simulation.dynamics import Dynamics
from napari_crbm.simulation.fluorescence import FluorescenceSimulator, MemoryFluorescence
from napari_crbm.simulation.gibbs import GibbsGenerator
from napari_crbm.simulation.noisy_or import NoisyOr
from napari_crbm.simulation.planting import plant
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.simulation.stimulus import STIMULUS
from napari_crbm.simulation.truth import GroundTruth, write_truth
from napari_crbm.spikes import Spikes

GENERATORS: dict[str, type[NoisyOr] | type[GibbsGenerator] | type[Dynamics]] = {
    "noisy-or": NoisyOr,
    "crbm": GibbsGenerator,
    "dynamics": Dynamics,
}

# Frames simulated at a time. Changing it changes the recording of a seed, since each block has
# its own random stream.
_BLOCK_FRAMES = 128
_ANATOMY, _PLANTING, _GAIN = 0, 1, 7


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated recording and its ground truth."""

    recording: Recording
    truth: GroundTruth


def simulate(
    n_neurons: int = 3000,
    n_frames: int = 4000,
    n_assemblies: int = 30,
    generator: str = "noisy-or",
    mean_activity: float = 0.035,
    member_firing: float = 1.0,
    gain: float = 0.0,
    n_tuned: int = 0,
    couplings: str = "directed",
    coupling_strength: float = 3.0,
    spikes_act: bool = True,
    frame_rate_hz: float = 4.0,
    fluorescence: bool = False,
    seed: int = 0,
) -> Simulation:
    """Simulate a whole-brain recording of a larval zebrafish with known assemblies.

    Parameters
    ----------
    n_neurons, n_frames, n_assemblies : int
    generator : {"noisy-or", "crbm", "dynamics"}
        "noisy-or": assemblies switch on and off and make their members fire; the generator
        differs from the model that is fitted later, so that recovery is a fair test. "crbm":
        frames of one Gibbs chain of a cRBM whose true parameters are known. "dynamics":
        noisy-OR assemblies that excite and inhibit each other with delays, see
        `napari_crbm.simulation.dynamics`.
    mean_activity : float
        Expected fraction of active neurons in a frame, typically 0.01 to 0.05.
    member_firing : float
        Factor, at most 1, of the probabilities with which members fire while their assembly is
        on. Only of the generator "noisy-or".
    gain : float
        Relative standard deviation, 0 to 1, of a gain that multiplies the probabilities of all
        neurons to fire and changes within seconds (`napari_crbm.simulation.common_gain`). With
        a gain, frames of the generator "crbm" no longer follow its model exactly.
    n_tuned : int
        Random assemblies that respond to a stimulus of 3 s, which is shown every 23 to 53 s and
        stored as the trace "stimulus": each is on during 40 % of the presentations, and keeps
        60 % of its other episodes. Their numbers are ``truth.parameters["tuned"]``. Only
        of the generator "noisy-or".
    couplings : {"directed", "symmetric", "common", "drift", "none"}
        How assemblies of the generator "dynamics" depend on each other.
    coupling_strength : float
        Change of the log-odds of an assembly while a coupled one is on; of "dynamics".
    spikes_act : bool
        Whether couplings of "dynamics" are carried by the spikes of members. Otherwise spikes
        are readings without any effect.
    frame_rate_hz : float
    fluorescence : bool
        Also simulate GCaMP6s-like dF/F, kept in memory ((T, N) float32).
    seed : int
        The same seed gives the same recording, in memory or streamed.

    Returns
    -------
    Simulation
        With ``recording`` and ``truth``.

    Raises
    ------
    SettingError
        If an argument is out of range.

    Examples
    --------
    >>> from napari_crbm import simulate
    >>> simulation = simulate(n_neurons=500, n_frames=1000, n_assemblies=8)
    >>> simulation.truth.membership.shape
    (500, 8)
    """
    plan = _Plan.make(SimulationSettings(**locals()))
    raster: list[NDArray[np.uint8]] = []
    traces: list[NDArray[np.float32]] = []
    for spikes, trace in plan.blocks():
        raster.append(np.packbits(spikes, axis=1, bitorder="little"))
        if trace is not None:
            traces.append(trace)
    recording = Recording(
        coordinates=plan.coordinates,
        spikes=Spikes(np.concatenate(raster), n_neurons),
        times=plan.times,
        name=plan.name,
        regions=plan.regions,
        fluorescence=MemoryFluorescence(np.concatenate(traces)) if fluorescence else None,
        traces=plan.traces,
        provenance=plan.provenance,
    )
    return Simulation(recording, plan.truth())


def simulate_to_file(
    path: str | Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Path:
    """Simulate straight into a recording file.

    The dense raster is never kept in memory as a whole, only a few blocks of 128 frames. The
    truth is saved in the same file (read it with `load_truth`).

    Parameters
    ----------
    path : path
        File to write; replaced only once it is complete.
    progress : callable, optional
        Called with frames done and frames in all.
    **settings
        Arguments of `simulate`.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    SettingError
        If a setting is out of range.
    """
    plan = _Plan.make(SimulationSettings(**settings))
    chosen = plan.settings
    with RecordingWriter(
        path,
        chosen.n_frames,
        chosen.n_neurons,
        coordinates=plan.coordinates,
        times=plan.times,
        regions=plan.regions,
        name=plan.name,
        traces=plan.traces,
        provenance=plan.provenance,
        with_fluorescence=chosen.fluorescence,
    ) as writer:
        for spikes, trace in plan.blocks():
            writer.write_frames(spikes, trace)
            if progress is not None:
                progress(writer.frames_written, chosen.n_frames)
        write_truth(plan.truth(), writer.file)
    return Path(path)


def planted_dynamics(**settings: Any) -> Dynamics:
    """Return the simulator of a recording of coupled assemblies, to clamp it.

    Parameters
    ----------
    **settings
        Arguments of `simulate`, without the generator.

    Raises
    ------
    SettingError
        If a setting is out of range.

    Examples
    --------
    >>> from napari_crbm.simulation import planted_dynamics
    >>> dynamics = planted_dynamics(n_neurons=200, n_frames=200, n_assemblies=4)
    >>> dynamics.response(assemblies=[0], n_frames=500).assemblies.shape
    (4,)
    """
    plan = _Plan.make(SimulationSettings(**settings, generator="dynamics"))
    assert isinstance(plan.source, Dynamics)
    return plan.source


@dataclass(frozen=True, eq=False)
class _Plan:
    """All of a simulation except its frames."""

    coordinates: NDArray[np.float32]
    regions: Regions
    names: tuple[str, ...]
    source: NoisyOr | GibbsGenerator | Dynamics
    settings: SimulationSettings

    @classmethod
    def make(cls, settings: SimulationSettings) -> _Plan:
        fish, seed = larval_fish(), settings.seed
        coordinates, regions = fish.sample(
            settings.n_neurons, np.random.default_rng([seed, _ANATOMY])
        )
        maker = GENERATORS[settings.generator]
        planting = plant(
            coordinates,
            regions,
            fish.midline_um,
            settings.n_assemblies,
            np.random.default_rng([seed, _PLANTING]),
            coverage=maker.coverage,
            largest=maker.largest,
        )
        gain = np.ones(settings.n_frames)
        if settings.gain:
            # The logarithm of a log-normal variable with this relative standard deviation.
            spread = float(np.sqrt(np.log1p(settings.gain**2)))
            gain = common_gain(len(gain), spread, np.random.default_rng([seed, _GAIN]))
        source = maker.draw(planting, gain, settings)
        return cls(coordinates, regions, planting.names, source, settings)

    @property
    def traces(self) -> dict[str, NDArray[np.float64]]:
        """The simulated stimulus, if there is one."""
        stimulus = self.source.parameters.get(STIMULUS)
        return {} if stimulus is None else {STIMULUS: stimulus}

    @property
    def times(self) -> NDArray[np.float64]:
        frames = np.arange(self.settings.n_frames)
        return np.asarray(frames / self.settings.frame_rate_hz)

    @property
    def name(self) -> str:
        return f"simulated fish {self.settings.seed}"

    @property
    def provenance(self) -> tuple[Step, ...]:
        return (Step("simulate", self.settings.as_dict()),)

    def blocks(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32] | None]]:
        """Yield spikes (t, N) and, if requested, fluorescence (t, N), block by block."""
        indicator = None
        if self.settings.fluorescence:
            indicator = FluorescenceSimulator(
                len(self.coordinates), self.settings.frame_rate_hz, self.settings.seed
            )
        for spikes in self.source.blocks(_BLOCK_FRAMES):
            yield spikes, None if indicator is None else indicator.block(spikes)

    def truth(self) -> GroundTruth:
        """Planted assemblies; their activity is complete once all blocks have been simulated."""
        settings = self.settings.as_dict()
        generator = settings.pop("generator")
        return GroundTruth(
            weights=self.source.weights.toarray(),
            activity=self.source.activity,
            names=self.names,
            generator=generator,
            parameters={**settings, **self.source.parameters},
        )
