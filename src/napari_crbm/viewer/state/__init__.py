"""State of one viewer, without Qt or napari: recording, model, selection."""
