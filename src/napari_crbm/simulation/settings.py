"""Settings of a simulation, each declared once: type, range, unit, default and help."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from napari_crbm.declarations import Setting, check, declaration, documented
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
        Literal["noisy-or", "crbm", "dynamics"],
        Setting(
            "How frames are drawn: assemblies that switch on and off and make their members fire "
            "('noisy-or'), samples of a known compositional RBM ('crbm'), or noisy-OR assemblies "
            "that excite and inhibit each other with delays ('dynamics').",
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
            "assembly is on; not for the generator 'crbm'.",
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
    n_tuned: Annotated[
        int,
        Setting(
            "Assemblies that respond to a simulated stimulus, which the recording holds as the "
            "trace 'stimulus'; 0 simulates none. Only for the generator 'noisy-or'.",
            ge=0,
            label="Tuned assemblies",
            option="tuned",
            group="rare",
        ),
    ] = 0
    couplings: Annotated[
        Literal["directed", "symmetric", "common", "drift", "none"],
        Setting(
            "How assemblies depend on each other: each drives another one ('directed'), pairs "
            "drive each other equally ('symmetric'), a hidden signal drives them at different "
            "delays ('common'), their rates drift together ('drift'), or not at all ('none'). "
            "Only for the generator 'dynamics'.",
            group="rare",
        ),
    ] = "directed"
    coupling_strength: Annotated[
        float,
        Setting(
            "Change of the log-odds that an assembly is on while a coupled assembly is on; only "
            "for the generator 'dynamics'.",
            ge=0,
            le=10,
            group="rare",
        ),
    ] = 3.0
    spikes_act: Annotated[
        bool,
        Setting(
            "Whether the spikes of members carry the couplings. Otherwise clamping neurons "
            "changes nothing else. Only for the generator 'dynamics'.",
            group="rare",
            off="spikes-are-readings",
        ),
    ] = True
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
        if self.member_firing != 1 and self.generator == "crbm":
            raise SettingError(
                "{member_firing} needs the generator 'noisy-or' or 'dynamics'; found {generator} "
                "'crbm'.",
            )
        if self.n_tuned and self.generator != "noisy-or":
            raise SettingError(
                "{n_tuned} needs the generator 'noisy-or'; found {generator} '{found}'.",
                {"found": self.generator},
            )
        if self.n_tuned > self.n_assemblies:
            raise SettingError(
                "{n_tuned} must not exceed {n_assemblies}; found {tuned} of {all}.",
                {"tuned": str(self.n_tuned), "all": str(self.n_assemblies)},
            )
        if self.generator == "dynamics":
            return
        for name in ("couplings", "coupling_strength", "spikes_act"):
            if getattr(self, name) != declaration(type(self), name).default:
                raise SettingError(
                    f"{{{name}}} needs the generator 'dynamics'; found {{generator}} '{{found}}'.",
                    {"found": self.generator},
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return asdict(self)
