"""Quantities: durations, rates, sizes, money, shares, and random variables (`lognormal(mean=2s, cv=0.6)`).

Text is read into exact values: durations into integer nanoseconds, rates into events per second, sizes
into bytes. A `Distribution` is its inverse cumulative function: a uniform draw goes in, a value comes out,
so that two worlds that share the draw are coupled monotonically. Every complaint is a ValueError that
says what is wrong and shows what is right. The annotated types at the end are for pydantic models.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from agentchaos.words import did_you_mean, plain, shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

NS = 1_000_000_000
LONGEST = 100 * 365 * 86_400 * NS
"""A century: a longer duration is a slip of the pen."""

_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NANOSECONDS = {"ns": 1, "us": 1000, "ms": 10**6, "s": NS, "min": 60 * NS, "h": 3600 * NS, "d": 86400 * NS}
_BYTES = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_NUMBER = r"[+-]?(?:[0-9](?:_*[0-9])*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PIECE = re.compile(rf"\s*({_NUMBER})\s*(ns|us|ms|s|min|h|d)(?![A-Za-z])")
_WITH_UNIT = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z%/]*)\s*")


def _number(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is too large a number")
    return value


def _times(text: str, unit: int) -> int:
    """A number of units; exact where it is whole, however large."""
    digits = text.replace("_", "").lstrip("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= 30:
        return int(digits) * unit
    value = _number(text) * unit
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is too large a number")
    return round(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- durations, rates, sizes, money -------------------------------------------------------------


def parse_duration(text: str | int | float) -> int:
    """A duration in ns: `30s`, `1.5h`, `1h30min`, `0`.

    Raises:
        ValueError: no unit, an unknown one, negative, or longer than a century.
    """
    if isinstance(text, bool) or text is None:
        raise ValueError(f"{shown(text)} is not a duration; {_DURATIONS}")
    if isinstance(text, float) and text.is_integer() and abs(text) < 1e15:
        text = int(text)
    words, at, total = _digits(text).strip(), 0, 0
    if words in ("0", "0.0"):
        return 0
    if words.startswith("-"):
        raise ValueError(f"{shown(text)} is negative; a duration is 0 or more")
    if _is_number(text) or re.fullmatch(_NUMBER, words):
        if len(words) > 20:
            raise ValueError(f"{shown(text)} has no unit; {_DURATIONS}")
        raise ValueError(f"'{words}' has no unit; say '{words}s', '{words}min' or '{words}h'")
    if not words:
        raise ValueError("a duration is wanted, such as '30s'")
    while at < len(words):
        piece = _PIECE.match(words, at)
        if piece is None:
            raise ValueError(f"{shown(text)} is not a duration; {_DURATIONS}{_open(words)}")
        total += _times(piece.group(1), _NANOSECONDS[piece.group(2)])
        at = piece.end()
    if total < 0:
        raise ValueError(f"{shown(text)} is negative; a duration is 0 or more")
    if total > LONGEST:
        raise ValueError(f"{shown(text)} is longer than a hundred years")
    return total


_DURATIONS = "write '30s', '1.5h', '20ms' or '1h30min'"


def _open(words: str) -> str:
    return "; a bracket is not closed" if words.count("(") > words.count(")") else ""


def format_duration(ns: int) -> str:
    """A duration for people: `1 h 30 min`, `32.0 s`, `20.0 ms`."""
    if ns < 0:
        return "-" + format_duration(-ns)
    if ns == 0:
        return "0 s"
    if ns < NS:
        return f"{ns / 1e6:.3g} ms" if ns >= 1000 else f"{ns} ns"
    if ns < 120 * NS:
        seconds = ns / NS
        if seconds == int(seconds):
            return f"{seconds:.0f} s"
        return f"{seconds:.2f} s" if seconds < 2.5 else f"{seconds:.1f} s"
    seconds = round(ns / NS)
    parts, days = [], seconds >= 2 * 86400
    if days:  # two parts of it are days and hours; of a single day that would be too coarse
        seconds = round(seconds / 3600) * 3600
    for unit, size in (("d", 86400 if days else LONGEST), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def canonical_duration(ns: int) -> str:
    """Text that parses to exactly the same duration."""
    for unit in ("d", "h", "min", "s", "ms", "us"):
        if ns and ns % _NANOSECONDS[unit] == 0:
            return f"{ns // _NANOSECONDS[unit]}{unit}"
    return f"{ns}ns" if ns else "0s"


def parse_rate(text: str | int | float) -> float:
    """Events per second: `600/min`, `2/h`."""
    found = re.fullmatch(rf"\s*({_NUMBER})\s*/\s*(ms|s|min|h|d)\s*", _digits(text))
    if _is_number(text) or found is None:
        raise ValueError(f"{shown(text)} is not a rate; write '600/min', '2/h' or '10/s'")
    rate = _number(found.group(1)) / _SECONDS[found.group(2)]
    if not NS / LONGEST <= rate <= 1e9:
        raise ValueError(f"{shown(text)}: a rate is at least once in a hundred years, at most 1e9 a second")
    return rate


def parse_size(text: str | int | float) -> int:
    """Bytes: `4KB`, `2MB`, `1GiB`."""
    found = _WITH_UNIT.fullmatch(_digits(text))
    if found is None or (found.group(2) not in _BYTES and found.group(0).strip() not in ("0", "0.0")):
        raise ValueError(f"{shown(text)} is not a size; write '4KB', '2MB' or '1GiB'")
    size = _times(found.group(1), _BYTES.get(found.group(2), 1))
    if not 0 <= size <= 10**18:
        raise ValueError(f"{shown(text)}: a size is 0 to 1e18 bytes")
    return size


def parse_bandwidth(text: str | int | float) -> float:
    """Bytes per second: `100MB/s`."""
    found = re.fullmatch(r"\s*(.+?)\s*/\s*s\s*", _digits(text))
    try:
        bandwidth = parse_size(found.group(1)) if found else 0
    except ValueError:
        bandwidth = 0
    if bandwidth <= 0:
        raise ValueError(f"{shown(text)} is not a bandwidth; write '100MB/s'")
    return float(bandwidth)


COUNT_MAX = 10**12
"""A larger count of steps or tokens is a slip of the pen."""


def parse_count(text: str | int | float, word: str = "steps") -> int:
    """A count, with or without its word: `5`, `5 steps`."""
    if isinstance(text, float) and text.is_integer():
        text = int(text)
    found = re.fullmatch(r"\s*(-?[0-9][0-9_]*)\s*([A-Za-z]*)\s*", _digits(text))
    if found is None or found.group(2) not in ("", word, word.removesuffix("s")):
        raise ValueError(f"{shown(text)} is not a count; write '5 {word}' or 5")
    digits = found.group(1).replace("_", "")
    if len(digits) > 20 or not 0 <= (count := int(digits)) <= COUNT_MAX:
        raise ValueError(f"{shown(text)}: a count is 0 to {COUNT_MAX:,}")
    return count


def _digits(number: object) -> str:
    """Python refuses to write numbers of thousands of digits; no count has a hundred."""
    return "9" * 100 if isinstance(number, int) and abs(number) >= 10**100 else str(number)


def parse_share(text: str | int | float) -> float:
    """A share in 0..1: `0.05`, `5%`."""
    found = re.fullmatch(rf"\s*({_NUMBER})\s*(%?)\s*", _digits(text))
    if found is None or isinstance(text, bool):
        raise ValueError(f"{shown(text)} is not a share; write '5%' or 0.05")
    share = _number(found.group(1)) / (100.0 if found.group(2) else 1.0)
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"{shown(text)} is outside 0..1; write '5%' or 0.05")
    return share


class Money(NamedTuple):
    """An amount of a currency, in lower case letters."""

    amount: float
    currency: str


_CURRENCIES = (
    "aed ars aud bdt bgn bhd brl cad chf clp cny cop czk dkk dzd egp etb eur gbp ghs gel hkd huf idr ils "
    "inr isk jod jpy kes khr krw kwd kzt lbp lkr mad mmk mxn myr ngn nok npr nzd omr pen php pkr pln qar "
    "ron rsd rub sar sek sgd thb tnd try twd tzs uah ugx usd uyu uzs vnd xaf xof zar"
)
CURRENCIES = frozenset(_CURRENCIES.split())
"""Codes of ISO 4217 in which somebody may be billed; another one is a slip of the pen."""


def parse_price(text: str | int | float) -> Money:
    """A price per million tokens: `2.5 usd/M`."""
    found = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]{{3}})\s*/\s*M\s*", _digits(text))
    if found is None:
        raise ValueError(f"{shown(text)} is not a price per million tokens; write '2.5 usd/M'")
    amount, currency = _number(found.group(1)), found.group(2).lower()
    if currency not in CURRENCIES:
        raise ValueError(f"no currency '{currency}'{_like(currency)}")
    if not 0 <= amount <= 1e9:
        raise ValueError(f"{shown(text)}: a price is 0 to 1e9")
    return Money(amount, currency)


def _like(currency: str) -> str:
    close = did_you_mean(currency, ("usd", "eur", "gbp", "jpy", "cny", "inr", "chf", "cad", "aud", "krw"))
    return close if close.startswith("; did") else "; write a code such as 'usd'"


# -- distributions ------------------------------------------------------------------------------

Parse = Callable[[Any], float]


def _seconds(text: Any) -> float:
    return parse_duration(text) / NS


def _plain(text: str) -> float:
    if not re.fullmatch(_NUMBER, text.strip()):
        raise ValueError(f"{shown(text)} is not a number")
    return _number(text.strip())


def _whole(text: Any) -> float:
    return float(parse_count(text, "tokens" if "token" in _digits(text) else "steps"))


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """A random variable, by its inverse cumulative function.

    text: as written, canonical; unit: `s` (values are seconds), `count` (whole numbers) or `1`.
    """

    kind: str
    parameters: tuple[float, ...]
    unit: str
    text: str
    weights: tuple[float, ...] = ()

    def sampler(self) -> Callable[[float], float]:
        """The inverse cumulative function as a fast closure; takes u in (0, 1)."""
        quantile = _QUANTILES[self.kind](*self.parameters, **self._weighting())
        if self.unit == "count" and self.kind == "uniform":
            low, high = self.parameters  # inclusive: 4 and 12 are as likely as 7
            return lambda u: float(min(int(high), int(low + u * (high - low + 1))))
        if self.unit == "count" and self.kind != "constant":
            return lambda u: float(max(0, round(quantile(u))))
        return quantile

    def _weighting(self) -> dict[str, Any]:
        return {"weights": self.weights} if self.kind == "empirical" else {}

    def ns_sampler(self) -> Callable[[float], int]:
        """The same in integer ns; only for durations."""
        assert self.unit == "s", f"{self.text} is not a duration"
        return _ns_sampler(self)

    def quantile(self, u: float) -> float:
        """The value at u in (0, 1)."""
        return self.sampler()(u)

    def sample_ns(self, u: float) -> int:
        """The duration at u, in ns."""
        return self.ns_sampler()(u)

    def mean(self) -> float:
        """The mean, in the unit."""
        return _moments(self)[0]

    def variance(self) -> float:
        """The variance, in the unit squared."""
        return _moments(self)[1]

    def scaled(self, factor: float) -> Distribution:
        """The same with every duration so many times as long."""
        assert self.unit == "s", f"{self.text} is not a duration"
        assert factor > 0
        p = self.parameters
        changed: tuple[float, ...]
        if self.kind == "lognormal":
            changed = (p[0] + math.log(factor), p[1])
        elif self.kind in ("gamma", "weibull"):
            changed = (p[0], p[1] * factor)
        else:
            changed = tuple(value * factor for value in p)
        return dataclasses.replace(self, parameters=changed, text=f"{self.text} x {factor:g}")

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value, perhaps infinite."""
        if self.kind == "constant":
            return self.parameters[0], self.parameters[0]
        if self.kind == "uniform":
            return self.parameters[0], self.parameters[1]
        if self.kind == "empirical":
            return min(self.parameters), max(self.parameters)
        return (0.0, 1.0) if self.kind == "beta" else (0.0, math.inf)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def _ns_sampler(d: Distribution) -> Callable[[float], int]:
    if d.kind == "constant":
        fixed = round(d.parameters[0] * NS)
        return lambda u: fixed
    quantile = d.sampler()
    return lambda u: round(quantile(u) * NS)


def _moments(d: Distribution) -> tuple[float, float]:
    """(mean, variance)."""
    p = d.parameters
    if d.kind == "constant":
        return p[0], 0.0
    if d.kind in ("exponential", "poisson"):
        return p[0], p[0] ** 2
    if d.kind == "lognormal":
        mean = math.exp(p[0] + p[1] ** 2 / 2)
        return mean, mean**2 * math.expm1(p[1] ** 2)
    if d.kind == "gamma":
        return p[0] * p[1], p[0] * p[1] ** 2
    if d.kind == "weibull":
        mean = p[1] * math.gamma(1 + 1 / p[0])
        # through logarithms: the plain difference of squares cancels for a large shape
        return mean, mean**2 * math.expm1(math.lgamma(1 + 2 / p[0]) - 2 * math.lgamma(1 + 1 / p[0]))
    if d.kind == "uniform":
        width = p[1] - p[0]
        return (p[0] + p[1]) / 2, ((width + 1) ** 2 - 1) / 12 if d.unit == "count" else width**2 / 12
    if d.kind == "beta":
        a, b = p
        return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    mean = math.fsum(w * x for w, x in zip(d.weights, p, strict=True))
    return mean, math.fsum(w * (x - mean) ** 2 for w, x in zip(d.weights, p, strict=True))


def _constant(value: float) -> Callable[[float], float]:
    return lambda u: value


def _exponential(mean: float) -> Callable[[float], float]:
    log1p = math.log1p
    return lambda u: -mean * log1p(-u)


def _lognormal(mu: float, sigma: float) -> Callable[[float], float]:
    from statistics import NormalDist

    exp = math.exp
    if sigma == 0:
        return _constant(exp(mu))
    inv_cdf = NormalDist(mu, sigma).inv_cdf
    return lambda u: exp(inv_cdf(u))


def _gamma(shape: float, scale: float) -> Callable[[float], float]:
    from scipy.special import gammaincinv

    return lambda u: float(gammaincinv(shape, u)) * scale


def _weibull(shape: float, scale: float) -> Callable[[float], float]:
    return lambda u: scale * (-math.log1p(-u)) ** (1 / shape)


def _uniform(low: float, high: float) -> Callable[[float], float]:
    width = high - low
    return lambda u: low + u * width


def _beta(a: float, b: float) -> Callable[[float], float]:
    from scipy.special import betaincinv

    return lambda u: float(betaincinv(a, b, u))


def _empirical(*values: float, weights: tuple[float, ...]) -> Callable[[float], float]:
    from bisect import bisect_right
    from itertools import accumulate

    order = sorted(range(len(values)), key=lambda i: values[i])
    steps = list(accumulate(weights[i] for i in order))[:-1]
    ranked = [values[i] for i in order]
    return lambda u: ranked[bisect_right(steps, u)]


_QUANTILES: dict[str, Callable[..., Callable[[float], float]]] = {
    "constant": _constant,
    "exponential": _exponential,
    "poisson": _exponential,
    "lognormal": _lognormal,
    "gamma": _gamma,
    "weibull": _weibull,
    "uniform": _uniform,
    "beta": _beta,
    "empirical": _empirical,
}

_WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "constant": (("value",),),
    "exponential": (("mean",),),
    "poisson": (("rate",),),
    "lognormal": (("mean", "cv"), ("median", "sigma")),
    "gamma": (("mean", "cv"), ("shape", "scale")),
    "weibull": (("shape", "scale"),),
    "uniform": (("low", "high"),),
    "beta": (("a", "b"),),
}
"""Distribution -> the sets of parameters by which it can be written."""

_BARE = {"cv", "sigma", "shape", "a", "b"}
"""Parameters without a unit; the others are values of the variable."""

_LIMITS = {
    ("", "cv"): (0.0, 100.0),
    ("gamma", "cv"): (0.001, 100.0),
    ("", "sigma"): (0.0, 10.0),
    ("", "shape"): (0.001, 1e6),
    ("weibull", "shape"): (0.05, 1e6),
    ("", "a"): (0.001, 1e6),
    ("", "b"): (0.001, 1e6),
}
"""(distribution or any, parameter) -> bounds within which mean, variance and quantiles are finite."""

_ONLY = {"beta": ("1",), "poisson": ("s",)}
"""Distribution -> the units of what it can describe, where not every one."""

_EQUALS = re.compile(r"\s*([=:])\s*")
_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", re.DOTALL)


def parse_distribution(text: Any, unit: str = "s") -> Distribution:
    """A distribution over durations (`s`), counts (`count`) or shares (`1`), or a constant of them.

    Raises:
        ValueError: no such distribution, or parameters that it cannot have.
    """
    if isinstance(text, Distribution):
        return text
    value = {"s": _seconds, "count": _whole, "1": parse_share}[unit]
    call = _CALL.fullmatch(_digits(text))
    if call is None:
        return _checked(Distribution("constant", (value(text),), unit, _plain_text(text, unit)))
    kind, inside = call.group(1).lower(), call.group(2)
    arguments = [part.strip() for part in inside.split(",")] if inside.strip() else []
    written = f"{kind}({', '.join(_EQUALS.sub(_tight, a) for a in arguments)})"
    if kind == "empirical":
        return _parse_empirical(arguments, value, unit, written)
    if kind not in _WAYS:
        raise ValueError(f"no distribution {shown(kind)}{did_you_mean(kind, [*_WAYS, 'empirical'])}")
    if unit not in _ONLY.get(kind, unit):
        what = {"s": "a duration", "count": "a count", "1": "a share"}
        raise ValueError(f"{kind} describes {what[_ONLY[kind][0]]}; {what[unit]} is wanted here")
    named = _named(kind, arguments)
    numbers = {
        name: _plain(raw) if name in _BARE else parse_rate(raw) if name == "rate" else value(raw)
        for name, raw in named.items()
    }
    return _checked(Distribution(kind, _canonical(kind, numbers), unit, written))


def _tight(found: re.Match[str]) -> str:
    return "=" if found.group(1) == "=" else ": "


def _plain_text(text: Any, unit: str) -> str:
    return canonical_duration(parse_duration(text)) if unit == "s" else _digits(text).strip()


def _named(kind: str, arguments: list[str]) -> dict[str, str]:
    """Arguments by name; positional ones take the names of the first way."""
    named: dict[str, str] = {}
    for place, argument in enumerate(arguments):
        name, equals, raw = argument.partition("=")
        if not equals:
            first = _WAYS[kind][0]
            if place >= len(first):
                raise ValueError(f"{_usage(kind)} is what is wanted, not {len(arguments)} parameters")
            name, raw = first[place], argument
        if name.strip() in named:
            raise ValueError(f"{shown(name.strip())} is given twice in {kind}(...)")
        named[name.strip()] = raw.strip()
    if tuple(sorted(named)) not in [tuple(sorted(way)) for way in _WAYS[kind]]:
        given = plain(", ".join(named))
        raise ValueError(f"{kind}({given}) says too little or too much; write {_usage(kind)}")
    return named


def _usage(kind: str) -> str:
    examples = {
        "high": "5s",
        "rate": "600/h",
        "cv": "0.6",
        "sigma": "0.4",
        "shape": "0.7",
        "a": "20",
        "b": "1.5",
    }
    ways = [", ".join(f"{n}={examples.get(n, '2s')}" for n in way) for way in _WAYS[kind]]
    return " or ".join(f"{kind}({way})" for way in ways)


def _canonical(kind: str, n: dict[str, float]) -> tuple[float, ...]:
    """The parameters that the quantile function takes."""
    for name, value in n.items():
        low, high = _LIMITS.get((kind, name)) or _LIMITS.get(("", name), (0.0, math.inf))
        if not low <= value <= high:
            raise ValueError(f"{kind}: '{name}' is {value:g}; it is {low:,.10g} to {high:,.10g}")
    for name in ("mean", "median", "scale"):
        if name in n and n[name] <= 0:
            raise ValueError(f"{kind}: '{name}' is 0; it is above 0")
    if kind == "poisson":
        return (1 / n["rate"],)
    if kind == "lognormal":
        if "cv" in n:
            variance = math.log1p(n["cv"] ** 2)
            return math.log(n["mean"]) - variance / 2, math.sqrt(variance)
        return math.log(n["median"]), n["sigma"]
    if kind == "gamma" and "cv" in n:
        return 1 / n["cv"] ** 2, n["mean"] * n["cv"] ** 2
    if kind == "uniform" and n["low"] > n["high"]:
        raise ValueError(f"uniform: the low end ({n['low']:g}) is above the high end ({n['high']:g})")
    return tuple(n[name] for name in next(way for way in _WAYS[kind] if set(way) == set(n)))


def _parse_empirical(arguments: list[str], value: Parse, unit: str, written: str) -> Distribution:
    if not arguments:
        raise ValueError("empirical() has no values; write empirical(1s, 2s, 10s)")
    pairs = [argument.partition(":") for argument in arguments]
    values = tuple(value(raw.strip()) for raw, _, _ in pairs)
    weights = [_plain(weight) if colon else 1.0 for _, colon, weight in pairs]
    if min(weights) < 0 or not (total := math.fsum(weights)) > 0:
        raise ValueError("empirical: weights are 0 or more, and not all 0")
    return _checked(Distribution("empirical", values, unit, written, tuple(w / total for w in weights)))


def _checked(d: Distribution) -> Distribution:
    low, high = d.bounds
    if d.unit == "1" and (low < 0 or high > 1):
        raise ValueError(f"{shown(d.text)} leaves 0..1, and a share cannot")
    if low < 0:
        raise ValueError(f"{shown(d.text)} can be negative")
    return d


# -- types for pydantic models ------------------------------------------------------------------


class _Parsed:
    """Tells pydantic how a quantity is read and written; pydantic is imported only when it asks."""

    def __init__(
        self,
        parse: Callable[[Any], Any],
        write: Callable[[Any], Any],
        examples: tuple[str, ...],
        kind: type,
    ) -> None:
        self.parse, self.write, self.examples, self.kind = parse, write, examples, kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        # the handler's schema holds the bounds (`gt=0`) of the field: without it they would be dropped
        inner = handler(source) if self.kind in (int, float) else core_schema.any_schema()
        return core_schema.no_info_before_validator_function(
            self._read,
            inner,
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="json"),
        )

    def _read(self, value: Any) -> Any:
        if self.kind is int and isinstance(value, _Exact):
            return int(value)
        if isinstance(value, bool | list | dict | type(None)):
            raise ValueError(f"{shown(value)} stands here; write {self._shown()}")
        return self.parse(value)

    def _shown(self) -> str:
        return " or ".join(f"'{example}'" for example in self.examples)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "number"], "examples": list(self.examples)}


class _Exact(int):
    """An integer that is already in the base unit, so that a default need not be written as text."""


def ns(value: int) -> int:
    """A duration given in ns, for defaults in models."""
    return _Exact(value)


def _write_rate(rate: float) -> str:
    return f"{rate!r}/s"


def _write_price(price: Money) -> str:
    return f"{price.amount!r} {price.currency}/M"


Duration = Annotated[
    int, _Parsed(lru_cache(maxsize=4096)(parse_duration), canonical_duration, ("30s", "1.5h", "20ms"), int)
]
Rate = Annotated[float, _Parsed(parse_rate, _write_rate, ("600/min", "2/h"), float)]
Size = Annotated[int, _Parsed(parse_size, lambda size: f"{size}B", ("4KB", "2MB", "1GiB"), int)]
Bandwidth = Annotated[
    float, _Parsed(parse_bandwidth, lambda b: f"{round(b)}B/s", ("100MB/s", "1GiB/s"), float)
]
Share = Annotated[float, _Parsed(parse_share, float, ("5%", "0.05"), float)]
Steps = Annotated[int, _Parsed(parse_count, int, ("5 steps", "5"), int)]
DurationDistribution = Annotated[
    Distribution,
    _Parsed(
        lambda v: parse_distribution(v, "s"),
        str,
        ("2s", "exponential(mean=2h)", "lognormal(mean=2s, cv=0.6)", "uniform(30s, 90s)"),
        Distribution,
    ),
]
CountDistribution = Annotated[
    Distribution,
    _Parsed(lambda v: parse_distribution(v, "count"), str, ("8", "uniform(4, 12)"), Distribution),
]
ShareDistribution = Annotated[
    Distribution,
    _Parsed(lambda v: parse_distribution(v, "1"), str, ("0.9", "beta(20, 1.5)"), Distribution),
]
Price = Annotated[Money, _Parsed(parse_price, _write_price, ("2.5 usd/M",), Money)]
