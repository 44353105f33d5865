"""Work in the background: jobs, trainings, sweeps, autosave."""
