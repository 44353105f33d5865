"""Initial parameters of a training: rotated components and two-state units."""
