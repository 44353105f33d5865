"""Write recordings, NWB files, and Python scripts that repeat a reading."""
