"""The Recording dock."""
