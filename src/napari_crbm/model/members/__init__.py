"""Members of assemblies, by association with their activity or by weight."""
