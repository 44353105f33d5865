"""The Connectivity dock."""
