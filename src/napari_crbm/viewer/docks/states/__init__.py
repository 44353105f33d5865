"""The States dock."""
