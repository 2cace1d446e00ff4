"""Feeds of a store's links for shops that fetch rather than listen: whole snapshots, and Google's product data as XML and tab-separated text.

The columns are those of https://support.google.com/merchants/answer/7052112. Pure rules: no table, no clock.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from xml.etree import ElementTree as Xml

from msgspec import Struct

from mart_union.kernel.ids import input_hash
from mart_union.kernel.money import Currency, amount_text
from mart_union.mediation.model import Link

_GOOGLE = "http://base.google.com/ns/1.0"
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_TITLE, _LONGEST_TEXT = 150, 5000

Xml.register_namespace("g", _GOOGLE)


class Product(Struct, frozen=True):
    """A link as a row of product data; the fields are the columns."""

    id: str
    title: str
    description: str
    link: str
    availability: str
    price: str
    condition: str = "new"
    identifier_exists: str = "no"


def products_of(
    links: Iterable[Link], languages: Sequence[str], currency: Currency, address: str
) -> tuple[Product, ...]:
    """Those links that are sold now as product data, in the first of some languages that each has; `address` is the union's own."""
    return tuple(
        Product(
            id=link.sku,
            title=_text(link.titles, languages)[:_LONGEST_TITLE],
            description=(_text(link.texts, languages) or _text(link.titles, languages))[:_LONGEST_TEXT],
            link=f"{address}/stores/{link.store}/{link.sku}",
            availability="out_of_stock" if link.availability == "out_of_stock" else "in_stock",
            price=amount_text(link.price_minor, currency),
        )
        for link in links
        if link.state == "linked"
    )


def _text(texts: dict[str, str], languages: Sequence[str]) -> str:
    found = next((texts[tag] for tag in (*languages, *texts) if texts.get(tag)), "")
    return " ".join(_NO_XML.sub("", found).split())


def as_tsv(products: Iterable[Product]) -> str:
    """Product data as tab-separated text, the columns' names first."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    rows.writerow(Product.__struct_fields__)
    rows.writerows([getattr(each, name) for name in Product.__struct_fields__] for each in products)
    return text.getvalue()


def as_xml(products: Iterable[Product], title: str, address: str) -> str:
    """Product data as RSS 2.0 with Google's elements."""
    feed = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(feed, "channel")
    for name, text in (("title", title), ("link", address), ("description", title)):
        Xml.SubElement(channel, name).text = text
    for each in products:
        item = Xml.SubElement(channel, "item")
        for name in Product.__struct_fields__:
            Xml.SubElement(item, f"{{{_GOOGLE}}}{name}").text = getattr(each, name)
    return Xml.tostring(feed, encoding="unicode", xml_declaration=True)


def first_that_fit(links: Sequence[Link], write: Callable[[Iterable[Link]], str], most_bytes: int) -> tuple[Link, ...]:
    """The first of some links that an answer has room for, as `write` writes each; one at least. Counted as JSON writes what is not ASCII, six bytes for
    most of such characters, since a function's answer is JSON."""
    left = most_bytes
    for number, link in enumerate(links):
        left -= len(json.dumps(write([link])))
        if left < 0 and number:
            return tuple(links[:number])
    return tuple(links)


def etag_of(links: Iterable[Link], *form: str) -> str:
    """A fingerprint of some links as they are, in a form: it changes whenever one of them does."""
    return input_hash([form, [(link.sku, link.sequence) for link in links]])
