"""The shelf of renderers: each draws a Report into files, and reads nothing else."""
