"""The Reproducibility dock."""
