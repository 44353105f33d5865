"""Files of unknown layout: guess the role of each array, keep it as a profile, read with it."""
