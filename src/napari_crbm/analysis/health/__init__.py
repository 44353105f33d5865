"""Health of a recording: what is doubtful in it, where, and what mends it."""
