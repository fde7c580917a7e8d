"""Events for ELAN: one tier a level, one annotation a segment (.eaf, format 3.0)."""

from __future__ import annotations

from xml.etree import ElementTree

from dlh.event_files.answer import Answer, Segment
from dlh.event_files.tables import behaviour

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_MIME_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".mpg": "video/mpeg"}
_DATE = "2000-01-01T00:00:00+00:00"  # ELAN wants one; the same video gives the same file


def eaf(answer: Answer) -> str:
    """An ELAN annotation document: a tier for each level, named ``level 2``, and on it the
    segments with their cluster (``level 2, state 3``). Times are in milliseconds from 0.

    An annotation is at least a millisecond long; ELAN has no points.
    """
    suffix = answer.video[answer.video.rfind(".") :].lower() if "." in answer.video else ""
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            "DATE": _DATE,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _INSTANCE,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = ElementTree.SubElement(
        document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    )
    ElementTree.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        {"MEDIA_URL": answer.video, "MIME_TYPE": _MIME_TYPES.get(suffix, "video/*")},
    )
    order = ElementTree.SubElement(document, "TIME_ORDER")
    tiers: dict[str, list[Segment]] = {}
    for segment in answer.segments:
        tiers.setdefault(_tier(segment), []).append(segment)
    times = [
        (max(0, round(segment.start * 1000)), round(segment.stop * 1000))
        for of_tier in tiers.values()
        for segment in of_tier
    ]
    for number, time in enumerate((time for pair in times for time in pair), start=1):
        begins = number % 2
        least = times[(number - 1) // 2][0] + 1
        value = time if begins else max(time, least)
        slot = {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(value)}
        ElementTree.SubElement(order, "TIME_SLOT", slot)
    number = 0
    for name, of_tier in tiers.items():
        tier = ElementTree.SubElement(
            document, "TIER", {"LINGUISTIC_TYPE_REF": "default-lt", "TIER_ID": name}
        )
        for segment in of_tier:
            number += 1
            annotation = ElementTree.SubElement(
                ElementTree.SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {
                    "ANNOTATION_ID": f"a{number}",
                    "TIME_SLOT_REF1": f"ts{2 * number - 1}",
                    "TIME_SLOT_REF2": f"ts{2 * number}",
                },
            )
            ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = behaviour(segment)
    ElementTree.SubElement(
        document,
        "LINGUISTIC_TYPE",
        {
            "GRAPHIC_REFERENCES": "false",
            "LINGUISTIC_TYPE_ID": "default-lt",
            "TIME_ALIGNABLE": "true",
        },
    )
    ElementTree.indent(document, " ")
    body = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _tier(segment: Segment) -> str:
    return "segments" if segment.level is None else f"level {segment.level}"
