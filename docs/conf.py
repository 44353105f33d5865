"""Configuration of the documentation: ``python -m sphinx -W --keep-going docs build/docs``."""

import sys
from pathlib import Path

import napari_crbm

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "napari-crbm"
author = "The napari-crbm developers"
copyright = author
version = release = napari_crbm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "mathml",
    "generated_pages",
]
exclude_patterns = ["_extensions"]
default_role = "py:obj"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False

html_theme = "furo"
html_title = f"napari-crbm {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_math_renderer = "mathml"
