"""The shelf of targets: a target plays a replication into a recorder."""
