"""Write results as tables and NWB files."""
