"""Numerical foundations: kernels, weights, bits, random numbers and threads."""
