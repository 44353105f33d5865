"""Settings of the training of a temporal model, each declared once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from napari_crbm.declarations import Setting, check, documented
from napari_crbm.model.training.settings import Seed, Threads


@documented
@dataclass(frozen=True)
class TemporalSettings:
    """How a temporal model is trained.

    Raises
    ------
    SettingError
        If a value has a wrong type or is out of its range.
    """

    longest_lag_s: Annotated[
        float,
        Setting(
            "How far back the past of assemblies counts. Frames with a shorter past are left out.",
            gt=0,
            unit="s",
            label="Longest lag",
            option="longest-lag",
        ),
    ] = 4.0
    n_functions: Annotated[
        int,
        Setting(
            "Number of time courses that describe how a coupling depends on the lag; at most one "
            "a frame.",
            ge=1,
            le=20,
            label="Functions of the lag",
            option="functions",
            group="rare",
            details="They are raised cosines of the logarithm of the lag.",
        ),
    ] = 3
    penalty: Annotated[
        float | Literal["auto"],
        Setting(
            "Sparse penalty on couplings between different assemblies; larger values leave fewer "
            "of them. 'auto' chooses it on validation blocks.",
            ge=0,
            label="Penalty",
            details="In units of the gradient, a covariance of an assembly and the past of "
            "another one. 'auto' tries six values, from no coupling at all downwards, and takes "
            "the largest that predicts no worse than the best by more than one standard error.",
        ),
    ] = "auto"
    n_passes: Annotated[
        int,
        Setting(
            "Passes through all training frames for each value of the penalty.",
            ge=2,
            label="Passes",
            option="passes",
            group="rare",
        ),
    ] = 100
    random_state: Seed = 0
    n_threads: Threads = None

    def __post_init__(self) -> None:
        check(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the values by name."""
        return asdict(self)
