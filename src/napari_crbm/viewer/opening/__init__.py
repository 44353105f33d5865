"""Open files: drops, the reader, the dialog for unknown layouts, sample data."""
