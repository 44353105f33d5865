"""The Figure dock."""
