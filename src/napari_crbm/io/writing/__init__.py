"""Write recordings and results for other programs, and the Python that repeats a reading."""
