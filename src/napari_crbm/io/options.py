"""Options for reading files whose layout does not say everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from napari_crbm.errors import RecordingError
from napari_crbm.preprocessing import Progress, Stoppable


@dataclass(frozen=True)
class ReadOptions:
    """Options of `napari_crbm.io.open_recording`, which documents them."""

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

    def names_of_regions(self) -> tuple[str, ...] | None:
        """Return the given region names, read from their file if a path was given.

        Raises
        ------
        RecordingError
            If that cannot be read.
        """
        if not isinstance(self.region_names, str | Path):
            return None if self.region_names is None else tuple(self.region_names)
        try:
            text = Path(self.region_names).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecordingError(
                f"Region names cannot be read from {self.region_names}: {error}."
            ) from error
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    def given(self) -> dict[str, Any]:
        """Return the options about the file's content that differ from their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("progress", "control")
            and getattr(self, field.name) != field.default
        }
