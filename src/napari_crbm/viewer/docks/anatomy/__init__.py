"""The Anatomy dock."""
