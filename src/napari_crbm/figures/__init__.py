"""Matplotlib figures for papers: vector graphics where possible, one style."""

from napari_crbm.figures.agreement import statistics_page
from napari_crbm.figures.assembly import assembly_sheet
from napari_crbm.figures.book import assembly_book
from napari_crbm.figures.brain import BrainView, brain_view
from napari_crbm.figures.coactivity import coactivity_figure
from napari_crbm.figures.counterparts import counterparts_figure, write_counterparts
from napari_crbm.figures.directions import directions_figure
from napari_crbm.figures.dreams import dream_figure, save_dream_movie
from napari_crbm.figures.export import FIGURES, KINDS, SHEETS, TABLE_FORMATS, Export
from napari_crbm.figures.gallery import gallery
from napari_crbm.figures.methods import methods_figure
from napari_crbm.figures.responses import response_figure
from napari_crbm.figures.stability import stability_figure
from napari_crbm.figures.states import states_page
from napari_crbm.figures.style import THEMES, Theme, save_figure
from napari_crbm.figures.summary import summary_page
from napari_crbm.figures.sweep import sweep_figure

__all__ = [
    "FIGURES",
    "KINDS",
    "SHEETS",
    "TABLE_FORMATS",
    "THEMES",
    "BrainView",
    "Export",
    "Theme",
    "assembly_book",
    "assembly_sheet",
    "brain_view",
    "coactivity_figure",
    "counterparts_figure",
    "directions_figure",
    "dream_figure",
    "gallery",
    "methods_figure",
    "response_figure",
    "save_dream_movie",
    "save_figure",
    "stability_figure",
    "states_page",
    "statistics_page",
    "summary_page",
    "sweep_figure",
    "write_counterparts",
]
