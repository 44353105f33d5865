"""Other methods (PCA, ICA, NMF, k-means) on the frames of a model."""
