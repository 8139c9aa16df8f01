"""The reference engine: readable SimPy that defines what a scenario means. SimPy lives only here."""
