"""State of one viewer: recording, model, selection. Imports neither Qt nor napari."""
