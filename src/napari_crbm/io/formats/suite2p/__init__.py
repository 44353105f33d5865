"""Suite2p: output folders, and the MATLAB export ``Fall.mat``."""
