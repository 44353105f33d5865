"""napari layers that follow the state, and what a click on them does."""
