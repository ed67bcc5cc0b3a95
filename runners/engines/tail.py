"""The end of what a container printed, cut where no word is cut: half of a secret would not be known for one, and shown."""


def tail(text: str, size: int) -> str:
    """At most `size` characters, whole lines; of a longer last line whole words."""
    if len(text) <= size:
        return text
    cut = text[-size:]
    if text[-size - 1].isspace():
        return cut
    line = cut.partition("\n")[2]
    return line if line.strip() else cut.partition(" ")[2]
