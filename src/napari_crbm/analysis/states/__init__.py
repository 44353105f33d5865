"""Combinations of assemblies: when each is on, and which are on together."""
