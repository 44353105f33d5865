"""The setting of who belongs to an assembly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_crbm.declarations import Setting, check, documented

#: By the definition of the paper a neuron is a member if its weight exceeds a threshold. Ours is
#: this fraction of the assembly's largest weight (both absolute), whatever the scale of weights.
MEMBERSHIP_FRACTION = 0.2

#: The definitions of the members of an assembly.
Definition = Literal["association", "weight"]


@documented
@dataclass(frozen=True)
class MemberSettings:
    """Which definition of the members of an assembly holds."""

    members: Annotated[
        Definition,
        Setting(
            "Who belongs to an assembly: neurons whose activity is associated with its on/off "
            "course beyond chance ('association'), or whose |weight| exceeds a fifth of its "
            "largest ('weight', the kind of definition in the paper). Without the recording that "
            "the model was trained on, 'weight' applies.",
        ),
    ] = "association"

    def __post_init__(self) -> None:
        check(self)
