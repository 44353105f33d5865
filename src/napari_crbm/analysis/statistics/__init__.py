"""Statistics of data and model, and how far apart they are on held-out frames."""
