"""Neurodata Without Borders (NWB)."""
