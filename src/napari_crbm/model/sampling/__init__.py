"""Draw from a model: Gibbs chains, chains whose units switch, annealed importance sampling."""
