"""Files of unknown layout: guess what is what, keep it as a profile, read by it."""
