"""The shelf of faults: one module a boundary, one class a fault."""
