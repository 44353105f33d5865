"""Comparison of two models: matched assemblies, their activity, code that repeats it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis import Counterparts, find_counterparts, ways_to_match
from napari_crbm.io.writing.script import Script, open_again
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from napari_crbm.viewer.state.trained import Trained

#: Files of the second model and, if it is of other neurons, of its recording.
Paths = tuple[Path, Path | None]


class ModelComparison(NamedTuple):
    """Matched assemblies of two models, the activity of the second, and its files."""

    found: Counterparts
    activity: NDArray[np.float32]
    trained: Trained
    paths: Paths
    #: Why each way of matching is unavailable; empty if it is available.
    ways: dict[str, str]

    @property
    def verdict(self) -> str:
        """How many assemblies have a counterpart, in rich text."""
        found = self.found
        pairs = found.pairs[found.pairs["found"]]
        alike = f" (median similarity {pairs['similarity'].median():.2f})" if len(pairs) else ""
        return (
            f"<b>{found.n_found} of {len(found.pairs)}</b> assemblies have a counterpart in "
            f"{self.paths[0].name}{alike}; {len(found.pairs) - found.n_found} are in the first "
            f"model only, {len(found.alone_second)} in the second only. A counterpart is more "
            "similar than 95 % of the best matches by chance."
            + (f" <b>{found.warning}</b>" if found.warning else "")
        )

    def traces(
        self, first: int | None, second: int | None
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return times and z-scored activity, (2, T), of each assembly of a pair.

        The second is negated if its weights match with opposite sign. None without an assembly.
        """
        found = self.found
        sign = 1.0 if first is None else float(found.pairs["orientation"].iloc[first] or 1)
        return (
            _trace(found.first_recording, self.trained.activity, first, 1.0),
            _trace(found.second_recording, self.activity, second, sign),
        )

    def correlation(
        self, first: int | None, second: int | None, orientation: float
    ) -> float | None:
        """Return Pearson's r between the activities of a pair; None if recordings differ."""
        found = self.found
        if found.first_recording is not found.second_recording or first is None or second is None:
            return None
        one, other = self.trained.activity[:, first], self.activity[:, second]
        if not one.std() or not other.std():
            return None
        return float(orientation * np.corrcoef(one, other)[0, 1])

    def code(self, model_path: Path, path: str) -> str:
        """Return Python that repeats the comparison with a model in a file and saves it."""
        found = self.found
        same = found.second_recording is found.first_recording
        script = Script()
        script.need("napari_crbm.analysis", "find_counterparts")
        script.need("napari_crbm.figures", "write_counterparts")
        script.need("napari_crbm.io", "load_model")
        open_again(script, found.first_recording)
        if not same:
            open_again(script, found.second_recording, "second_recording")
        script.add(
            f"first = load_model({str(model_path)!r}), recording",
            f"second = load_model({str(self.paths[0])!r}), {'' if same else 'second_'}recording",
            f"found = find_counterparts(*first, *second, by={found.by!r})",
            "print(found.pairs)",
            f"write_counterparts(found, {path!r})",
        )
        return str(script)


def compare(
    trained: Trained,
    here: Recording,
    model: CRBM,
    recording: Recording,
    paths: Paths,
    by: str | None,
    progress: Callable[[int, int], None],
) -> ModelComparison:
    """Match the assemblies of two models; ``progress`` may raise to cancel."""
    ways = ways_to_match(here, recording)
    found = find_counterparts(trained.model, here, model, recording, by=by, progress=progress)
    return ModelComparison(found, model.transform(recording.spikes), trained, paths, ways)


def _trace(
    recording: Recording, activity: NDArray[np.float32], unit: int | None, sign: float
) -> NDArray[np.float64] | None:
    if unit is None:
        return None
    values = activity[:, unit]
    spread = float(values.std()) or 1.0
    return np.stack([recording.times, sign * (values - values.mean()) / spread])
