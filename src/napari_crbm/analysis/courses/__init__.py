"""Which assemblies and neurons follow a time course, or respond to events."""
