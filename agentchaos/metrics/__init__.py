"""The shelf of metrics: each is a fold over batches of a trace, exact and mergeable."""
