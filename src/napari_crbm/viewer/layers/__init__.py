"""napari layers that display the state, and mouse clicks on them."""
