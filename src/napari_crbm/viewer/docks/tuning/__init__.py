"""The Tuning dock."""
