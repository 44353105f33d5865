"""Words for the quality of predictions, the same in docks and figures."""

from __future__ import annotations

#: Unit of pseudo-likelihoods.
PREDICTION_UNIT = "nats per neuron per frame"
#: What a pseudo-likelihood is, for people who have not met one.
PREDICTION_MEANING = (
    "For every neuron and frame, the model computes from all other neurons how probable the\n"
    "recorded state (active or silent) is. Shown is the mean natural logarithm of these\n"
    "probabilities, the pseudo-likelihood, in nats per neuron per frame. Higher is better:\n"
    "0 is perfect, -0.05 a probability of 95 % (geometric mean), -0.69 that of a coin toss."
)
