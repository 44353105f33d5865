"""Initial parameters of a training: rotated and refined principal components."""
