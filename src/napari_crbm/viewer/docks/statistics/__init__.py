"""The Statistics dock."""
