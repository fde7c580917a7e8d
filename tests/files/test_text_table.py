from __future__ import annotations

from dlh.files.text_table import text_table


def test_columns_stand_below_each_other():
    rows = [("name", "size", "what"), ("a", "1000", "one"), ("longer", "2", "the other")]
    assert text_table(rows, align="<>") == [
        "name    size  what",
        "a       1000  one",
        "longer     2  the other",
    ]
    assert text_table([("a", "")], gap=" | ") == ["a |"]
    assert text_table([]) == []
