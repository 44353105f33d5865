"""Choose settings: sweeps over settings, with or without a cluster."""
