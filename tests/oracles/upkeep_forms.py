"""Closed forms of detection, repair and structure: block diagrams, standbys, crews, probes."""

from __future__ import annotations

import math
from collections.abc import Callable

from oracles.closed_forms import BEAT, Oracle, incident_mean, ratio
from oracles.missions import MISSION, IntervalAvailability, PointAvailability, SystemMissions

from agentchaos.metrics.availability import Availability, Units
from agentchaos.metrics.base import Data, Histogram, Ratio
from agentchaos.metrics.survival import Survival
from agentchaos.trace import NS

_HEAD = "name: oracle\npreset: ideal\n"
_AGENT = "tasks: {arrive: 1000h, steps: 1}, step: {work: 1s}"
"""It has nothing to do: what is read is whether it is there."""


def _every(reliability: float, faster: float = 1.0) -> str:
    """The gaps of failures, so that this share of missions goes without one."""
    return f"exponential(mean={-MISSION / NS / math.log(reliability) / faster:.9f}s)"


def _crashes(reliabilities: dict[str, float], faster: float = 1.0) -> str:
    items = (
        f"crash: {{name: of_{name}, agent: {name}, every: {_every(r, faster)}}}"
        for name, r in reliabilities.items()
    )
    return "faults: [" + ", ".join(f"{{{item}}}" for item in items) + "]"


def _diagram(system: str, reliabilities: dict[str, float], horizon: int) -> str:
    agents = "".join(f"  {name}: {{count: 10, {_AGENT}}}\n" for name in reliabilities)
    head = f"{_HEAD}horizon: {horizon}s\ndrain: 1s\nagents:\n{agents}"
    return f"{head}system: {system}\n{_crashes(reliabilities)}\n"


SERIES = {"a": 0.99, "b": 0.98, "c": 0.95}
PARALLEL = {"a": 0.9, "b": 0.8, "c": 0.7}
EQUAL = {"a": 0.9, "b": 0.9, "c": 0.9}

LIFE_OF_TWO = (
    _HEAD
    + f"""
horizon: 5000s
drain: 1s
agents:
  a: {{{_AGENT}, recover: none}}
  b: {{{_AGENT}, recover: none}}
system: {{parallel: [a, b]}}
faults: [{{crash: {{name: of_a, agent: a, at: exponential(mean=100s)}}}},
         {{crash: {{name: of_b, agent: b, at: exponential(mean=50s)}}}}]
"""
)
FASTER_OF_TWO = (
    "mean=100s)}}, {crash: {name: of_b, agent: b, at: exponential(mean=50s",
    f"mean={100 / 1.05:.9f}s)}}}}, {{crash: {{name: of_b, agent: b, at: exponential(mean={50 / 1.05:.9f}s",
)
LIFE_OF_TWO = LIFE_OF_TWO.replace("},\n         {", "}, {")


def _many(number: int, horizon: int, fields: str, fault: str) -> str:
    """So many groups that know nothing of each other; their faults in one line."""
    agents = "".join(f"  g{n}: {{{_AGENT}, {fields}}}\n" for n in range(number))
    crashes = "".join(f"  - crash: {{name: of_{n}, agent: g{n}, {fault}}}\n" for n in range(number))
    return f"{_HEAD}horizon: {horizon}s\ndrain: 1s\nagents:\n{agents}faults:\n{crashes}"


GROUPS = 40
UP = "clock: up, every: exponential(mean=100s)"
FASTER = ("mean=100s", f"mean={100 / 1.05:.9f}s")
SLOWER_REPAIR = ("mean=10s", f"mean={10 / 0.95:.9f}s")
TMR = _many(GROUPS, 3000, "count: 3, required: 2, recover: none", UP.replace("clock: up, every", "at"))


def _standby(standbys: int, dormant: float, coverage: float, horizon: int) -> str:
    mode = f"mode: warm, copy: 1h, dormant: {dormant}, coverage: {coverage}"
    redundancy = f"{{standbys: {standbys}, {mode}}}"
    fields = f"recover: none, rebuild: none, protect: {{redundancy: {redundancy}}}"
    return _many(GROUPS, horizon, fields, UP)


REPAIRED = (
    _HEAD
    + f"""
warmup: 300s
horizon: 30300s
drain: 1s
agents:
  unit: {{count: COUNT, required: NEEDED, crews: 1, {_AGENT},
         recover: {{cold_start: {{start: exponential(mean=10s)}}}}}}
faults: [{{crash: {{agent: unit, clock: up, every: exponential(mean=100s)}}}}]
"""
)
POINT = (
    _HEAD
    + f"""
horizon: 6000s
drain: 1s
agents:
  unit: {{count: 20, {_AGENT}, recover: {{cold_start: {{start: exponential(mean=5s)}}}}}}
faults: [{{crash: {{agent: unit, clock: up, every: exponential(mean=100s)}}}}]
"""
)
PROBE = BEAT.replace("misses: 3", "misses: 3, timeout: 1s")


def _lifetime(data: Data) -> float:
    """The mean lifetime of the system, none of which outlives the horizon."""
    return _mean([data["time_to_first_outage"]])


def _lifetimes(data: Data) -> float:
    """The same over groups that know nothing of each other."""
    return _mean([datum for name, datum in data.items() if name.startswith("time_to_first_outage{")])


def _mean(found: list[object]) -> float:
    total = count = 0
    for datum in found:
        assert isinstance(datum, Histogram)
        assert not datum.censored, "the horizon is long enough for all"
        total, count = total + datum.total, count + datum.count
    return total / count / NS


def _survivors(longer: int = 0) -> Callable[[Data], float]:
    """The share of groups without an outage before the horizon, or of those that live longer (s)."""

    def read(data: Data) -> float:
        if longer:
            lives = [d for n, d in data.items() if n.startswith("time_to_first_outage{")]
            return sum(isinstance(d, Histogram) and d.total > longer * NS for d in lives) / len(lives)
        shares = [d for n, d in data.items() if n.startswith("survived{")]
        return sum(isinstance(d, Ratio) and d.value == 1 for d in shares) / len(shares)

    return read


def _down(data: Data) -> float:
    """The mean number of five units that are down."""
    return 5 * (1 - ratio("unit_availability")(data))


def _machines(n: int, k: int, lam: float, mu: float = 0.1) -> tuple[float, float]:
    """(availability of k of n, mean number down) with one repairman."""
    p = [1.0]
    for i in range(n):
        p.append(p[-1] * (n - i) * lam / mu)
    whole = math.fsum(p)
    return math.fsum(p[: n - k + 1]) / whole, math.fsum(j * q for j, q in enumerate(p)) / whole


def _k_of_n(reliabilities: dict[str, float], k: int, faster: float = 1.0) -> float:
    up = [1.0]
    for r in (r**faster for r in reliabilities.values()):
        up = [
            math.fsum(pair)
            for pair in zip([q * (1 - r) for q in up] + [0], [0] + [q * r for q in up], strict=True)
        ]
    return math.fsum(up[k:])


def _point(lam: float, mu: float = 0.2, t: float = 3.0) -> float:
    return mu / (lam + mu) + lam / (lam + mu) * math.exp(-(lam + mu) * t)


def _interval(lam: float, mu: float = 0.2, t: float = 50.0) -> float:
    s = lam + mu
    return mu / s + lam / (s * s * t) * (1 - math.exp(-s * t))


def _erlang(x: float, n: int) -> float:
    return math.exp(-x) * math.fsum(x**i / math.factorial(i) for i in range(n))


def _warm(lam: float, dormant: float, t: float) -> float:
    return math.exp(-lam * t) * (1 + lam / dormant * (1 - math.exp(-dormant * t)))


def _blocks(id_: str, formula: str, published: float, system: str, parts: dict[str, float], k: int,
            horizon: int, replications: int) -> Oracle:  # fmt: skip
    return Oracle(
        id_, formula, _k_of_n(parts, k), published, _diagram(system, parts, horizon), replications,
        ratio("survived missions"), (_crashes(parts), _crashes(parts, 1.05)), _k_of_n(parts, k, 1.05),
        only=(SystemMissions,),
    )  # fmt: skip


UPKEEP = (
    _blocks("O01", "series: prod R_i", 0.92169, "{series: [a, b, c]}", SERIES, 3, 120_000, 20),
    _blocks("O02", "parallel: 1 - prod (1 - R_i)", 0.994, "{parallel: [a, b, c]}", PARALLEL, 1, 20_000, 20),
    _blocks("O03", "2 of 3: 3R^2 - 2R^3", 0.972, "{k_of_n: {k: 2, of: [a, b, c]}}", EQUAL, 2, 30_000, 30),
    Oracle("O05", "1/l1 + 1/l2 - 1/(l1 + l2)", 100 + 50 - 1 / 0.03, 116.666667, LIFE_OF_TWO, 22_000,
           _lifetime, FASTER_OF_TWO, (100 + 50 - 1 / 0.03) / 1.05, only=(Survival,)),
    Oracle("O08", "TMR: 5 / (6 lam)", 500 / 6, 83.3333333, TMR, 420, _lifetimes,
           FASTER, 500 / 6.3, only=(Survival,)),
    Oracle("O09", "cold: e^-lt sum (lt)^i / i!", _erlang(2, 3), 0.676676416, _standby(2, 0, 1, 2000), 500,
           _survivors(200), FASTER, _erlang(2.1, 3), only=(Survival,)),
    Oracle("O10", "cold: n / lam", 300.0, 300.0, _standby(2, 0, 1, 2000), 500,
           _lifetimes, FASTER, 300 / 1.05, only=(Survival,)),
    Oracle("O11", "cold, coverage c: e^-lt (1 + c lt)", math.exp(-1) * 1.95, 0.71736491,
           _standby(1, 0, 0.95, 100), 1150, _survivors(), FASTER,
           math.exp(-1.05) * (1 + 0.95 * 1.05), only=(Survival,)),
    Oracle("O12", "warm: e^-lt (1 + l/ld (1 - e^-ld t))", _warm(0.01, 0.002, 100), 0.701305587,
           _standby(1, 0.2, 1, 100), 1050, _survivors(), FASTER,
           _warm(0.0105, 0.0021, 100), only=(Survival,)),
    Oracle("O16", "A + lam/s e^-st, t = 3", _point(0.01), 0.977742467, POINT, 32, ratio("point availability"),
           FASTER, _point(0.0105), only=(PointAvailability,)),
    Oracle("O17", "A + lam / (s^2 T) (1 - e^-sT)", _interval(0.01), 0.956915975, POINT, 46,
           ratio("interval availability"), FASTER, _interval(0.0105), only=(IntervalAvailability,)),
    Oracle("O18", "1 of 2, one crew", _machines(2, 1, 0.01)[0], 0.983606557,
           REPAIRED.replace("COUNT", "2").replace("NEEDED", "1").replace("30300", "300300"), 42,
           ratio("availability"), SLOWER_REPAIR, _machines(2, 1, 0.01, 0.095)[0], only=(Availability,)),
    Oracle("O20", "3 of 5, one crew", _machines(5, 3, 0.01)[0], 0.958718701,
           REPAIRED.replace("COUNT", "5").replace("NEEDED", "3"), 86,
           ratio("availability"), SLOWER_REPAIR, _machines(5, 3, 0.01, 0.095)[0], only=(Availability, Units)),
    Oracle("O22", "mean number down of 5, one crew", _machines(5, 3, 0.01)[1], 0.639521769,
           REPAIRED.replace("COUNT", "5").replace("NEEDED", "3"), 86,
           _down, SLOWER_REPAIR, _machines(5, 3, 0.01, 0.095)[1], only=(Availability, Units)),
    Oracle("O40", "(m - 1/2) T + to", 26.0, 26.0, PROBE, 20, incident_mean("detected"),
           ("every: 10s", "every: 10.5s"), 27.25),
)  # fmt: skip
