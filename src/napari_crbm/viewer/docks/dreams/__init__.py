"""The *Dreams* dock."""
