"""Assemblies of a trained model: members, places, activity, tables."""
