"""The *What if* dock."""
