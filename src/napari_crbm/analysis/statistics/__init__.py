"""Statistics of data and model, compared on held-out frames."""
