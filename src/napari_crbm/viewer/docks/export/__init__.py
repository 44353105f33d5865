"""The Export dock."""
