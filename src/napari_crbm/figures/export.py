"""Export a model as figures and tables, with the Python code that writes each file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_crbm.declarations import Setting
from napari_crbm.errors import CRBMError
from napari_crbm.figures.agreement import statistics_page
from napari_crbm.figures.assembly import assembly_sheet
from napari_crbm.figures.book import assembly_book
from napari_crbm.figures.gallery import gallery
from napari_crbm.figures.style import DPI, save_figure, set_width
from napari_crbm.figures.summary import summary_page
from napari_crbm.io.writing.script import Script, open_again

if TYPE_CHECKING:
    from napari_crbm.analysis import Evidence
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

_FIGURE = (".pdf", ".svg", ".png")
#: Kinds of export, with the label and the possible file endings of each.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sheet": ("Sheet of the chosen assembly", _FIGURE),
    "book": ("Sheets of all assemblies, one page each", (".pdf",)),
    "gallery": ("Gallery of all assemblies", _FIGURE),
    "summary": ("Summary of the model on one page", _FIGURE),
    "statistics": ("Statistics: model against held-out frames", _FIGURE),
    "connectivity": ("Connectivity matrix of regions", _FIGURE),
    "composition": ("Assemblies by region", _FIGURE),
    "tables": ("Tables: assemblies, members, weights, activity", ()),
    "nwb": ("Recording with assemblies (NWB)", (".nwb",)),
    "weights": ("Weights for Fishualizer (HDF5)", (".h5",)),
}
#: Kinds that are figures: they have a theme, a width and a resolution.
FIGURES = tuple(kind for kind, (_, endings) in KINDS.items() if ".pdf" in endings)
#: Kinds that show one assembly per page and can include the frontal view.
SHEETS = ("sheet", "book")
TABLE_FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Export:
    """Options of one export.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    path : Path
        File to write; for "tables" the folder.
    assembly : int, optional
        For "sheet".
    theme : {"light", "dark"}
    width_mm : float, optional
        Width on paper; text keeps its size. By default the figure's own width.
    dpi : int
        Resolution of PNG files and of points within vector files.
    table_format : {"csv", "parquet"}
        For "tables".
    frontal : bool
        Whether sheets show the brain from the front too.

    Raises
    ------
    CRBMError
        If the kind is unknown, the ending does not suit it, or a value makes no sense.
    """

    kind: str
    path: Path
    assembly: int | None = None
    theme: Annotated[
        Literal["light", "dark"],
        Setting("Dark figures on a light background ('light') or the reverse.", label="Colours"),
    ] = "light"
    width_mm: Annotated[
        float | None,
        Setting(
            "Width on paper. Text keeps its size in points.",
            ge=40,
            le=1000,
            unit="mm",
            label="Width",
            absent="as designed",
        ),
    ] = None
    dpi: Annotated[
        int,
        Setting(
            "Resolution of PNG files, and of the neurons inside PDF and SVG.",
            ge=50,
            le=2400,
            unit="dpi",
            label="Resolution",
        ),
    ] = DPI
    table_format: Annotated[
        Literal["csv", "parquet"],
        Setting("CSV for any program; Parquet for large tables and all digits.", label="Format"),
    ] = "csv"
    frontal: Annotated[
        bool,
        Setting(
            "Add the view from the front to those from above and from the side.",
            label="Add the front view",
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CRBMError(f"Cannot export '{self.kind}'; there are {', '.join(KINDS)}.")
        endings = KINDS[self.kind][1]
        if endings and self.path.suffix.lower() not in endings:
            raise CRBMError(f"'{self.path.name}' must end in {' or '.join(endings)} to hold that.")
        if self.kind == "sheet" and self.assembly is None:
            raise CRBMError("Choose an assembly first; a sheet shows one.")
        if self.table_format not in TABLE_FORMATS:
            raise CRBMError(f"Tables are {' or '.join(TABLE_FORMATS)}, not '{self.table_format}'.")
        if self.width_mm is not None and not 40 <= self.width_mm <= 1000:
            raise CRBMError(f"The width must lie in 40 to 1000 mm; found {self.width_mm:g}.")
        if not 50 <= self.dpi <= 2400:
            raise CRBMError(f"The resolution must lie in 50 to 2400 dpi; found {self.dpi}.")

    def write(
        self,
        model: CRBM,
        recording: Recording,
        activity: NDArray[np.floating] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Path]:
        """Write the file or files.

        Parameters
        ----------
        model, recording
            A model and the recording it was trained on.
        activity : (T, M), optional
            ``model.transform(recording.spikes)``, if it is known already.
        progress : callable, optional
            Called with pages done and pages in all; may raise to cancel.
        """
        from napari_crbm.analysis.assemblies.membership import find_missing_members

        find_missing_members(model, recording)
        if activity is None:
            activity = model.transform(recording.spikes)
        evidence = None
        if self.kind in ("tables", "book", "sheet", "summary"):
            from napari_crbm.analysis import assembly_evidence

            evidence = assembly_evidence(model, recording)
        if self.kind == "tables":
            from napari_crbm.analysis import export_tables

            assert evidence is not None
            return export_tables(
                model,
                recording,
                self.path,
                activity,
                file_format=self.table_format,
                evidence=evidence.table,
            )
        if self.kind == "nwb":
            from napari_crbm.analysis import export_nwb

            return [export_nwb(recording, self.path, model, activity)]
        if self.kind == "weights":
            from napari_crbm.io import save_weights

            return [save_weights(model, self.path)]
        about = self._about(model, recording)
        if self.kind == "book":
            return [
                assembly_book(
                    model,
                    recording,
                    self.path,
                    activity,
                    frontal=self.frontal,
                    theme=self.theme,
                    width_mm=self.width_mm,
                    dpi=self.dpi,
                    about=about,
                    evidence=evidence,
                    progress=progress,
                )
            ]
        figure = self._figure(model, recording, activity, evidence, progress)
        set_width(figure, self.width_mm)
        return [save_figure(figure, self.path, self.dpi, about)]

    def _figure(
        self,
        model: CRBM,
        recording: Recording,
        activity: NDArray[np.floating],
        evidence: Evidence | None,
        progress: Callable[[int, int], None] | None,
    ) -> Figure:
        if self.kind == "sheet":
            assert self.assembly is not None
            return assembly_sheet(
                model,
                recording,
                self.assembly,
                activity,
                frontal=self.frontal,
                theme=self.theme,
                evidence=evidence,
            )
        if self.kind == "gallery":
            return gallery(model, recording, theme=self.theme)
        if self.kind == "statistics":
            from napari_crbm.analysis import evaluate_held_out

            evaluation = evaluate_held_out(model, recording, report=progress)
            return statistics_page(evaluation, recording, theme=self.theme)
        if self.kind in ("connectivity", "composition"):
            return _of_regions(self.kind, model, recording, self.theme, progress)
        return summary_page(model, recording, activity, evidence=evidence, theme=self.theme)

    def _about(self, model: CRBM, recording: Recording) -> str:
        """Return the metadata of a figure file: model, recording, versions."""
        about: dict[str, Any] = {
            "napari-crbm": version("napari-crbm"),
            "kind": self.kind,
            "assembly": self.assembly,
            "recording": recording.name,
            "recording_fingerprint": recording.fingerprint,
            "theme": self.theme,
            "settings": None if model.settings_ is None else model.settings_.as_dict(),
        }
        return json.dumps({name: value for name, value in about.items() if value is not None})

    def code(self, recording: Recording, model_path: Path | str) -> str:
        """Return Python code that opens recording and model and writes the same export."""
        given = {
            "assembly": self.assembly if self.kind == "sheet" else None,
            "theme": None if self.theme == "light" or self.kind not in FIGURES else self.theme,
            "width_mm": self.width_mm,
            "dpi": None if self.dpi == DPI or self.kind not in FIGURES else self.dpi,
            "frontal": True if self.frontal and self.kind in SHEETS else None,
            "table_format": self.table_format if self.kind == "tables" else None,
        }
        arguments = "".join(f", {k}={v!r}" for k, v in given.items() if v is not None)
        script = Script()
        script.need("pathlib", "Path")
        script.need("napari_crbm.figures", "Export")
        script.need("napari_crbm.io", "load_model")
        open_again(script, recording)
        script.add(
            f"model = load_model({str(model_path)!r})",
            f"export = Export({self.kind!r}, Path({str(self.path)!r}){arguments})",
            "export.write(model, recording)",
        )
        return str(script)


def _of_regions(
    kind: str,
    model: CRBM,
    recording: Recording,
    theme: str,
    progress: Callable[[int, int], None] | None,
) -> Figure:
    # Figures of connections need the `connectome` package.
    from napari_crbm import connectome
    from napari_crbm.figures.connectivity import composition_figure, connectivity_figure

    if recording.regions is None:
        raise CRBMError(
            f"'{recording.name}' has no brain regions. Place its neurons in an atlas first "
            "(Anatomy dock)."
        )
    if kind == "composition":
        return composition_figure(model, recording.regions, theme=theme)
    response = connectome.hidden_response(model, recording.spikes)
    factors = connectome.coupling_factors(model.weights_, response)
    found = connectome.region_map(factors, recording.regions, report=progress)
    return connectivity_figure(found, recording, theme=theme)
