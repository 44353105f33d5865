"""The Neurons dock."""
