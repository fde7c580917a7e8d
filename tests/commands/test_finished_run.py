from __future__ import annotations

import json
import re


def test_a_page_holds_its_numbers_and_fetches_nothing(finished):
    page = (finished / "report.html").read_text()
    summary = json.loads((finished / "summary.json").read_text())
    assert f"{summary['psnr']['model_best']:.1f}" in page
    assert f"dlh predict {finished} clip.mp4" in page and "dlh train videos --data" in page
    assert not re.search(r"(src|href)=.?(https?:|//)", page)
