"""Train a model: settings, updates, monitoring, checkpoints."""
