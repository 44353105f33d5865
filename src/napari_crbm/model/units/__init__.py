"""Hidden units: what a unit type answers, and the double-ReLU unit."""
