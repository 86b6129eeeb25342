"""Text that may be hostile, as HTML and as data."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.report.html import clean, embed_json, escape, name, pack, say_ends, significant, table


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


#: Any text, halves of surrogate pairs among it, as names of files have where they are no UTF-8.
TEXTS = st.text(st.characters(codec=None, exclude_categories=()))


@given(TEXTS)
def test_any_text_comes_back_as_text_in_one_line_and_can_be_written(text: str) -> None:
    found = read(f"<p>{escape(text)}</p>")
    assert found.tags == ["p"] and found.text == clean(text)
    escape(text).encode("utf-8")
    assert not set(clean(text)) & set("\n\r\x00\u202e\u2028\ufeff")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Coccinella_septempunctata", "Coccinella_<wbr>septempunctata"),
        ("a-b.c/d", "a-<wbr>b.<wbr>c/<wbr>d"),
        ("-1 _x_ R&D's", "-1 _x_ R&amp;D&#x27;s"),
        ("-1.5", "-1.5"),
    ],
)
def test_names_may_break_after_what_joins_their_words(text: str, html: str) -> None:
    assert name(text) == f"<bdi>{html}</bdi>"


@given(TEXTS)
def test_any_name_comes_back_as_text(text: str) -> None:
    assert read(name(text)).text == clean(text)


@given(TEXTS)
def test_any_text_stays_inside_an_attribute(text: str) -> None:
    reader = read(f'<img alt="{escape(text)}"><hr>')
    assert reader.tags == ["img", "hr"]


@given(
    st.recursive(
        TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
    )
)
def test_data_comes_back_and_cannot_end_its_element(value: Any) -> None:
    found = embed_json(value)
    assert not set(found) & set("<>&\u2028\n") and found.isascii()
    assert json.loads(found) == value


def test_numbers_that_are_none_are_no_data() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json([float("nan")])


def test_a_name_does_not_rearrange_what_surrounds_it() -> None:
    assert name("שלום\u202e") == "<bdi>שלום\u200e\\u202e</bdi>"


def test_numbers_are_packed_little_endian() -> None:
    assert pack(np.array([1, 258]), "u2") == "AQACAQ=="


def test_a_table_names_its_rows_columns_and_itself() -> None:
    found = table("What", ("A", "B"), [("a", '<td data-value="1">b</td>')], sortable=True)
    assert "<caption><span>What</span></caption>" in found and found.count('scope="col"') == 2
    assert '<th scope="row">a</th><td data-value="1">b</td>' in found and found.count("<button") == 2


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (999_999_999.6, 1e9 + 4, "999,999,999.6 to 1,000,000,004"),
        (1.001e9, 3e9, "1.001e+09 to 3.000e+09"),
        (5.0, 5.0 + 1e-13, "5 to 5"),
        (0.1, 12.0, "0.1 to 12"),
    ],
)
def test_ends_that_differ_are_shown_with_the_digits_that_tell_them_apart(
    low: float, high: float, shown: str
) -> None:
    assert say_ends(low, high) == shown


def test_what_rounds_up_to_a_power_of_ten_is_shown_as_that_power() -> None:
    assert significant(999_999_999.6) == significant(1e9) == "1.00e+09" and significant(9.999) == "10.0"
