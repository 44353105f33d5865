"""Write one PDF with a page per assembly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from numpy.typing import NDArray

from napari_crbm.figures.assembly import assembly_sheet
from napari_crbm.figures.style import DPI, set_width
from napari_crbm.io.safety.replacing import replacing
from napari_crbm.recording import Recording

if TYPE_CHECKING:
    from napari_crbm.analysis import Evidence
    from napari_crbm.model import CRBM


def assembly_book(
    model: CRBM,
    recording: Recording,
    path: Path | str,
    activity: NDArray[np.floating] | None = None,
    *,
    assemblies: Sequence[int] | NDArray[np.integer] | None = None,
    weight_limit: float | None = None,
    frontal: bool = False,
    theme: str = "light",
    width_mm: float | None = None,
    dpi: int = DPI,
    about: str | None = None,
    evidence: Evidence | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the sheets of many assemblies into one PDF, one page per assembly.

    Parameters
    ----------
    path : path
        Name of the PDF; written beside it first and renamed when complete.
    assemblies : sequence of int, optional
        The assemblies to draw, in this order; all by default.
    width_mm : float, optional
        Width of a page; the figure's own by default.
    dpi : int
        Resolution of the neurons; everything else is vector graphics.
    about : str, optional
        Description stored in the file, such as the model and the recording.
    progress : callable, optional
        Called with pages done and pages in all.
    model, recording, activity, weight_limit, frontal, theme, evidence
        As in `assembly_sheet`.
    """
    path = Path(path)
    if activity is None:
        activity = model.transform(recording.spikes)
    chosen = np.arange(model.n_assemblies) if assemblies is None else np.asarray(assemblies)
    with (
        replacing(path) as unfinished,
        matplotlib.rc_context({"pdf.fonttype": 42}),
        PdfPages(unfinished, metadata=None if about is None else {"Subject": about}) as book,
    ):
        for page, assembly in enumerate(chosen):
            sheet = assembly_sheet(
                model,
                recording,
                int(assembly),
                activity,
                weight_limit=weight_limit,
                frontal=frontal,
                theme=theme,
                evidence=evidence,
            )
            set_width(sheet, width_mm)
            book.savefig(sheet, dpi=dpi)
            if progress is not None:
                progress(page + 1, len(chosen))
    return path
