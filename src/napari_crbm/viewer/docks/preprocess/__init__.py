"""The Preprocess dock."""
