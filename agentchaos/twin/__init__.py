"""The analytic twin of a plan: for each measure the closed form that holds, or why none does.

values.py says what a closed form is, facts.py what may be asked of a plan, estimates.py how the same number
is read from what was played. The other modules are recognisers: each asks its questions of a plan, and every
precondition of a formula is a line that refuses. `solve` puts all of them.
"""
