"""From the data of replications to measures with intervals, scores, and a verdict."""
