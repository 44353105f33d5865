"""How to read a file whose layout leaves something open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from napari_crbm.preprocessing import Progress, Stoppable


@dataclass(frozen=True)
class ReadOptions:
    """Everything `napari_crbm.io.open_recording` can be asked; described there."""

    keep_unlabelled: bool = True
    flip_z: bool | None = None
    space: Literal["zbrain", "native"] | None = None
    unit: Literal["mm", "um"] | None = None
    region_names: str | Path | Sequence[str] | None = None
    frame_rate_hz: float | None = None
    binarise: float | None = None
    group: str | None = None
    neurons_first: bool | None = None
    um_per_pixel: float | None = None
    plane_spacing_um: float | None = None
    progress: Progress | None = None
    control: Stoppable | None = None

    def given(self) -> dict[str, Any]:
        """The options on the content of the file that differ from their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("progress", "control")
            and getattr(self, field.name) != field.default
        }
