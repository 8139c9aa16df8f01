"""`python -m agentchaos` is `agentchaos`."""

from agentchaos.cli import main

main()
