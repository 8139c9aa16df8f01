"""The shelf of closed forms: block diagrams, Markov chains, renewal theory, queues and voting, as numbers.

Times are seconds and rates per second unless a function says otherwise; any other unit will do where it is
used throughout. Nothing here knows of scenarios: `agentchaos.twin` says which form holds for which.
"""
