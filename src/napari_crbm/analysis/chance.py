"""Chance levels: the quantile of shuffles, and the smallest number of shuffles."""

#: An assembly is found again if its similarity to its partner exceeds this quantile of the
#: similarities reached in shuffled models.
CHANCE_QUANTILE = 0.95


#: With fewer shuffles even their maximum is exceeded by chance more than once in twenty.
MIN_SHUFFLES = 19
