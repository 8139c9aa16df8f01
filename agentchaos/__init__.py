"""agentchaos: chaos and reliability testing for AI agents, from one YAML scenario to a verdict."""

__version__ = "0.1.0"
