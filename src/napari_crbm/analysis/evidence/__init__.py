"""Evidence that an assembly exists: its coincidence in frames that training has not seen."""
