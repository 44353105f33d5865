"""The Assemblies dock."""
