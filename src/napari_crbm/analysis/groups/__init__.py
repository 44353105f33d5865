"""Groups of neurons: their activity, and what distinguishes two of them."""
