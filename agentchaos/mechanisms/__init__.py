"""The shelf of fault-tolerance mechanisms: each works visibly, and costs what it costs."""
