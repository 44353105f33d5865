"""A region map of the open recording, and what the Connectivity dock shows of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.connectome import RegionMap
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions
    from napari_crbm.viewer.state.trained import Trained

_SHUFFLES = 500
_MOST_LISTED = 10
_SMALLEST_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Mapped:
    """A region map of a recording with its regions, coupling factors and display order."""

    recording: Recording
    regions: Regions
    factors: NDArray[np.float32]
    region_map: RegionMap
    order: NDArray[np.int64]
    centres: NDArray[np.float64]

    def among(self, regions: Sequence[str]) -> tuple[RegionMap, NDArray[np.int64]]:
        """Return the map of these regions and their order; of all if fewer than two are given."""
        from napari_crbm.connectome import cluster_order

        if len(regions) < 2:
            return self.region_map, self.order
        shown = self.region_map.among(regions)
        return shown, cluster_order(shown)

    def connections(self, n: int, regions: Sequence[str] = ()) -> pd.DataFrame:
        """Return the n strongest connections among several regions, of one region, or of all."""
        from napari_crbm.connectome import circuit

        if len(regions) > 1:
            return circuit(self.region_map.among(regions), n)
        return circuit(self.region_map, n, about=regions[0] if regions else None)

    def connections_of(self, regions: Sequence[str], n: int) -> pd.DataFrame:
        """Return the n strongest connections that start or end in any of these regions."""
        import pandas as pd

        from napari_crbm.connectome import circuit

        parts = [circuit(self.region_map, n, about=name) for name in dict.fromkeys(regions)]
        edges = pd.concat(parts).drop_duplicates(["region_a", "region_b"])
        edges = edges.sort_values("value", key=np.abs, ascending=False).head(n)
        return edges.assign(strength=edges["value"].abs() / edges["value"].abs().max())

    def describe(self, first: str, second: str) -> str:
        """Return a connection in rich text: value, confidence interval, null mean, q-value."""
        found = self.region_map
        at = found.names.index(first), found.names.index(second)
        text = f"<b>{first}</b> and <b>{second}</b>: {found.values[at]:.3g}"
        if found.low is not None and found.high is not None:
            text += f" (95 % interval {found.low[at]:.3g} to {found.high[at]:.3g})"
        if found.expected is not None and found.q_value is not None:
            text += f"; neurons shuffled {found.expected[at]:.3g}, q = {found.q_value[at]:.2g}"
        return text

    def said(self, edges: pd.DataFrame, of: str = "") -> str:
        """Return in words which connections are drawn; ``of`` names their regions."""
        from napari_crbm.figures.connectivity import measure_label

        if not len(edges):
            return f"No connection{of} is drawn."
        least, what = edges["value"].abs().min(), measure_label(self.region_map)
        if len(edges) == 1:
            return f"Drawn: the strongest connection{of}, {least:.2g} ({what})."
        return f"Drawn: the {len(edges)} strongest connections{of}, above {least:.2g} ({what})."

    def carriers(self, first: str, second: str) -> pd.DataFrame:
        """Return the assemblies that contribute 1 % or more to a connection, at most ten."""
        from napari_crbm.connectome import carriers

        shown = carriers(self.factors, self.regions, first, second)
        return shown[shown["share"] >= _SMALLEST_SHARE].head(_MOST_LISTED)

    def for_project(self, report: Callable[[int, int], None] | None = None) -> dict[str, Any]:
        """Return the arguments of `connectome.add_to_project` for this map.

        Maps of relocated assemblies, the chance level for comparing animals, are computed here:
        seconds for a small recording, minutes for a whole brain.
        """
        from napari_crbm.connectome import for_comparison

        n_hidden = self.factors.shape[1]
        found = for_comparison(
            self.region_map, self.recording, self.regions, self.factors, report=report
        )
        return {
            "animal": self.recording.name,
            # A checksum distinguishes models of the same recording.
            "model": f"{n_hidden} units, {zlib.crc32(self.factors.tobytes()):08x}",
            "region_map": found,
            "n_frames": self.recording.n_frames,
            "fingerprint": self.recording.spikes.fingerprint,
        }


def compute(
    recording: Recording,
    trained: Trained,
    regions: Regions,
    measure: str,
    rule: str,
    report: Callable[[int, int], None],
) -> Mapped:
    """Compute a region map: seconds, about 15 s for a whole brain."""
    from napari_crbm import connectome

    model = trained.model
    response = connectome.hidden_response(model, recording.spikes)
    factors = connectome.coupling_factors(model.weights_, response)
    options: dict[str, Any] = dict(rule=rule, n_shuffles=_SHUFFLES, report=report)
    if measure == "coupling":
        found = connectome.region_map(factors, regions, **options)
    else:
        found = connectome.activity_map(recording.spikes, regions, measure, **options)  # type: ignore[arg-type]
    return Mapped(
        recording,
        regions,
        factors,
        found,
        connectome.cluster_order(found),
        connectome.region_centroids(recording.positions, regions, found.names),
    )
