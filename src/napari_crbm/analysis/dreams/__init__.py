"""Activity that a model generates, beside recorded activity, and how well they are told apart."""
