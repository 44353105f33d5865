"""Protect this program from damaged or hostile files."""
