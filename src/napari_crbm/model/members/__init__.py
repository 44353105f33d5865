"""Members of assemblies: who belongs, by association with the activity or by weight."""
