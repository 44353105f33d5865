"""Names that labs and programs give to the arrays of a recording, in order of preference."""

from __future__ import annotations

import re
from collections.abc import Sequence

POSITION_NAMES = (
    "zbrain",
    "coord",
    "position",
    "xyz",
    "centroid",
    "center",
    "centre",
    "xy",
    "pos",
    "location",
    "med",
)
#: Arrays with two or three numbers per frame or per neuron that are no positions.
NOT_POSITIONS = (
    "shift",
    "motion",
    "iscell",
    "drift",
    "offset",
    "corrxy",
    "bad",
    "stim",
    "eye",
    "pupil",
    "lick",
    "speed",
    "velocity",
    "behav",
    "frame",
    "label",
    "spike_times",
)
SPIKE_NAMES = ("thresholdedspikes", "spike", "raster", "binar", "event", "spks", "firing", "=s")
TRACE_NAMES = (
    "dff",
    "df",
    "fluor",
    "calcium",
    "activity",
    "trace",
    "cellresp",
    "timeseries",
    "neural",
    "=c",
    "=c_raw",
    "neuron",
    "cell",
    "roi",
    "=f",
)
#: Arrays over time that are no activity of neurons.
NOT_ACTIVITY = (
    "stim",
    "sound",
    "audio",
    "video",
    "image",
    "movie",
    "projection",
    "mask",
    "behav",
    "pupil",
    "eye",
    "shift",
    "motion",
    "iscell",
    "coord",
    "xyz",
    "fneu",
    "neuropil",
)
AXIS_NAMES = (
    ("x", "y", "z"),
    ("x_um", "y_um", "z_um"),
    ("xpos", "ypos", "zpos"),
    ("pos_x", "pos_y", "pos_z"),
    ("centroid_x", "centroid_y", "centroid_z"),
)
TIME_NAMES = ("times", "time", "times_s", "time_vector", "timestamps", "t")
RATE_NAMES = ("frame_rate_hz", "frame_rate", "framerate", "fs", "fps", "fpsec", "sampling_rate")
LABEL_NAMES = ("labels", "label", "region", "regions", "region_labels")
BEHAVIOUR_NAMES = ("behavio", "behav", "stim", "tail", "motion", "swim")

_UNIT = re.compile(r"\s*[(\[][^()\[\]]*[)\]]$")


def without_unit(name: str) -> str:
    """Return a name without a unit in brackets: "time (s)" is "time"."""
    return _UNIT.sub("", name)


def rank(name: str, parts: Sequence[str]) -> int:
    """Return the index of the first part that a name contains, ``len(parts)`` if none.

    A part that begins with "=" is the whole name.
    """
    return next(
        (
            place
            for place, part in enumerate(parts)
            if (name == part[1:] if part.startswith("=") else part in name)
        ),
        len(parts),
    )


def contains(name: str, parts: Sequence[str]) -> bool:
    """Return whether a name contains one of the parts."""
    return rank(name, parts) < len(parts)
