"""Forecasts of held-out frames by a temporal model and by simpler ones."""
