"""Draw from a model: Gibbs chains, replica exchange, annealed importance sampling."""
