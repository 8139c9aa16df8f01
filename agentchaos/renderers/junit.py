"""JUnit XML: a test case for each gate and each fault, so that CI shows them like any other test."""

from __future__ import annotations

import re
from typing import ClassVar
from xml.etree import ElementTree as ET

from agentchaos.renderers import wording
from agentchaos.renderers.base import Renderer
from agentchaos.report import Report
from agentchaos.scoring.results import FaultLanding, Judged

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


class JUnit(Renderer):
    """A gate that is missed, or cannot be told, is a failure; so is a fault that did not land.

    A run without any gate has one case, `nothing is judged`, that is skipped: it shows as such, not as green.
    """

    name: ClassVar[str] = "junit"
    about: ClassVar[str] = "JUnit XML: a test case for each gate and each fault"

    def files(self, report: Report) -> dict[str, bytes]:
        return {"junit.xml": document(report)}


def document(report: Report) -> bytes:
    """The XML of a report."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name=_text(f"agentchaos.{report.scenario}"))
    for gate in report.gates:
        _gate(suite, report, gate)
    for fault in report.faults:
        _fault(suite, report, fault)
    if not report.gates:
        case = _case(suite, report, "gates", "nothing is judged")
        ET.SubElement(case, "skipped", message=_text(report.verdict_reason))
    if not report.complete:
        case = _case(suite, report, "run", "the run came to its end")
        ET.SubElement(case, "error", message="the run was interrupted", type="interrupted")
    cases = list(suite)
    for word, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(word, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    output = ET.SubElement(suite, "system-out")
    output.text = _text(f"{wording.outcome(report).word}: {report.verdict_reason}\n{report.reproduce}\n")
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _case(suite: ET.Element, report: Report, kind: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=_text(f"agentchaos.{report.scenario}.{kind}"), name=_text(name), time="0"
    )


def _gate(suite: ET.Element, report: Report, gate: Judged) -> None:
    case = _case(suite, report, "gates", gate.expression + (" (implied)" if gate.implied else ""))
    told = f"value {wording.value(gate)}, bound {wording.bound(gate)}, n = {gate.n}; {gate.reason}"
    if gate.verdict == "pass":
        ET.SubElement(case, "system-out").text = _text(told)
    else:
        ET.SubElement(case, "failure", type=gate.verdict, message=_text(f"{gate.verdict}: {gate.reason}"))
        case[0].text = _text(f"{told}\n{report.repeat_worst or report.reproduce}")


def _fault(suite: ET.Element, report: Report, fault: FaultLanding) -> None:
    case = _case(suite, report, "faults", f"{fault.name} lands on {fault.target}")
    told = f"{fault.landed} of {fault.planned} planned strikes landed"
    if fault.verdict == "landed":
        ET.SubElement(case, "system-out").text = _text(told)
    else:
        ET.SubElement(case, "failure", type="missed", message=_text(fault.reason)).text = _text(told)


def _text(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
