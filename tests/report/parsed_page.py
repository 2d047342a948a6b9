"""The page as its elements and its text."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


class ParsedPage(HTMLParser):
    """Elements in order, each with its attributes and the text in it.

    Every tag must be closed, in order.
    """

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.raw = [], [], ""
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        self.handle_data(" " if tag in ("td", "th", "small", "dt") else "")
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if "style" not in [element[0] for element in self.open]:
            self.raw += data
            for element in self.open:
                element[2] += data

    def all(self, *tags):
        """Elements of these tags."""
        return [element for element in self.elements if element[0] in tags]

    def text(self, anchor=None):
        """The text of one section, or of all, with single spaces."""
        found = [e for e in self.elements if e[1].get("id") == anchor]
        text = self.raw if anchor is None else found[0][2]
        return " ".join(text.replace("\u202f", " ").split())
