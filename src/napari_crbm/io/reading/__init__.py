"""Read arrays out of files: containers, axes, traces that stay in their file."""
