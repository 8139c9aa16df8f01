"""Small scenarios for tests of the walk, and the command line called in this process."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from agentchaos.cli import app

SMALL = """
name: small
horizon: 20min
seed: 3
replications: 6
services:
  gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6), price: {in: 2.5 usd/M, out: 10 usd/M}}
  crm: {kind: tool, latency: exponential(mean=0.5s), capacity: 2, side_effects: true}
agents:
  bot:
    count: 3
    required: 2
    tasks: {arrive: poisson(300/h), deadline: 2min, panel: 10}
    step: {think: gpt, act: crm, effects: 30%}
    protect:
      heartbeat: {every: 5s, misses: 2}
      checkpointing: {every: 3 steps}
      redundancy: {standbys: 1}
      retry: {attempts: 3}
    recover: checkpoint
faults:
  - crash: {agent: bot, every: exponential(mean=15min)}
  - state_corruption: {agent: bot, parts: [memory], every: exponential(mean=20min)}
  - server_error: {service: gpt, at: 5min, for: 3min, probability: 30%}
objectives: {rto: 2min, rpo: 1min, availability: 0.95, response: 5s}
"""


def write(folder: Path, text: str = SMALL, name: str = "small.yaml") -> Path:
    """A scenario in a folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def call(*words: object) -> Result:
    """What `agentchaos WORDS...` does and says."""
    return CliRunner().invoke(app, [str(word) for word in words])
