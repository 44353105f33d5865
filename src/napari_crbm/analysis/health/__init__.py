"""Health of a recording: what looks wrong in it, where, and how to fix it."""
