"""Settings of a simulation, each declared once: type, range, unit, default and help."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from napari_crbm.declarations import Setting, check, documented
from napari_crbm.errors import SettingError


@documented
@dataclass(frozen=True)
class SimulationSettings:
    """Arguments of `simulate` and `simulate_to_file`.

    Raises
    ------
    SettingError
        If a value has a wrong type or is out of its range.
    """

    n_neurons: Annotated[
        int, Setting("Number of neurons.", ge=10, label="Neurons", option="neurons")
    ] = 3000
    n_frames: Annotated[
        int, Setting("Number of frames.", ge=1, label="Frames", option="frames")
    ] = 4000
    n_assemblies: Annotated[
        int,
        Setting("Number of planted assemblies.", ge=1, label="Assemblies", option="assemblies"),
    ] = 30
    seed: Annotated[
        int, Setting("Seed of all random numbers. The same seed gives the same recording.", ge=0)
    ] = 0
    generator: Annotated[
        Literal["noisy-or", "crbm"],
        Setting(
            "How frames are drawn: assemblies that switch on and off and make their members fire "
            "('noisy-or'), or samples of a known compositional RBM ('crbm').",
            group="rare",
        ),
    ] = "noisy-or"
    mean_activity: Annotated[
        float,
        Setting("Mean fraction of neurons that are active in a frame.", gt=0, lt=0.5, group="rare"),
    ] = 0.035
    member_firing: Annotated[
        float,
        Setting(
            "Factor for the probabilities (0.12 to 0.63) with which members fire while their "
            "assembly is on; only for the generator 'noisy-or'.",
            gt=0,
            le=1,
            group="rare",
            details="With 0.6 and a mean activity of 0.016, members of 300 to 2,000 neurons fire "
            "in 8 to 37 % of these frames, and other neurons in 0.35 to 0.45 % (median).",
        ),
    ] = 1.0
    gain: Annotated[
        float,
        Setting(
            "Relative standard deviation of a gain that all neurons share and that changes within "
            "seconds; 0.25 is 25 %, 0 is none.",
            ge=0,
            le=1,
            label="Common gain",
            group="rare",
        ),
    ] = 0.0
    frame_rate_hz: Annotated[
        float, Setting("Frames per second.", gt=0, unit="Hz", label="Frame rate", group="rare")
    ] = 4.0
    fluorescence: Annotated[
        bool,
        Setting(
            "Also simulate fluorescence as of GCaMP6s (4 bytes per neuron per frame).", group="rare"
        ),
    ] = False

    def __post_init__(self) -> None:
        check(self)
        if self.member_firing != 1 and self.generator != "noisy-or":
            raise SettingError(
                "{member_firing} needs the generator 'noisy-or'; found {generator} '{found}'.",
                {"found": self.generator},
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return asdict(self)
