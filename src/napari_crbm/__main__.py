"""``python -m napari_crbm``: the command line."""

from napari_crbm.cli import main

main()
