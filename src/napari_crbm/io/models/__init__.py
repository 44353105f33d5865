"""Model files, checkpoints, and the models of other programs."""
