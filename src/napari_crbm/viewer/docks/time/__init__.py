"""The Time dock."""
