"""Match assemblies across models or animals, and with planted assemblies."""
