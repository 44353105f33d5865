"""Fluorescence to spikes, each step a pure function."""
