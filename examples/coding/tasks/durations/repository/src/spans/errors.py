"""What can be wrong with a duration."""


class NotASpan(ValueError):
    """A text is no duration in our notation."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no duration; write one such as '1h30m' or '500ms'")
        self.text = text
