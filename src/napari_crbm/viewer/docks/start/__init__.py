"""The Start dock."""
