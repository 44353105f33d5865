"""Initial parameters of a training: components of the recording and two-state units."""
