"""Draw from a model: Gibbs chains, jumps, replica exchange, annealed importance sampling."""
