"""Match assemblies: of several models, of two animals, with planted ones."""
