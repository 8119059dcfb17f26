"""HTML and SVG elements from Python. Every string is escaped unless it is an element already."""

from html import escape


class Html(str):
    """Text that is markup already; only `element` and `raw` make it."""


def element(tag: str, *children, **attributes) -> Html:
    """An element. Children are elements or values to be shown; attributes that are None are left out.

    `element("p", "a < b", class_="soft")` is `<p class="soft">a &lt; b</p>`: a final underscore is dropped,
    others become hyphens.
    """
    pairs = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    head = "".join(f' {name}="{escape(_text(value))}"' for name, value in pairs if value is not None)
    if tag in ("img", "meta", "input", "br"):
        return Html(f"<{tag}{head}>")
    return Html(f"<{tag}{head}>{joined(*children)}</{tag}>")


def joined(*children) -> Html:
    """Several children in a row."""
    return Html("".join(child if isinstance(child, Html) else escape(_text(child)) for child in children))


def raw(markup: str) -> Html:
    """Text of our own that is markup: the style sheet, the script."""
    return Html(markup)


def _text(value) -> str:
    if isinstance(value, float):  # coordinates: a tenth of a px is enough
        return f"{value:.1f}".removesuffix(".0")
    return str(value)
