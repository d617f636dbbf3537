"""Runs the example offline: ``python -m examples.verification``."""

from pathlib import Path

import podium

from examples.verification.answers import answered, sorted_by_vote

QUESTION = "For how many years are gift cards valid?"


def main() -> None:
    """Answer a question twice, as a function and as a document, and sort a message by vote."""
    found = podium.run(answered, {"question": QUESTION}, database=":memory:")
    for number, line in enumerate(found["rounds"], 1):
        print(f"round {number}: {line}")
    print(f"{found['answer']} ({found['cost']})")
    document = podium.Flow.load(Path(__file__).with_name("answers.yaml"))
    print(podium.run(document, {"question": QUESTION}, database=":memory:"))
    message = "My gift card does not work."
    print(podium.run(sorted_by_vote, {"message": message}, database=":memory:")["report"])


if __name__ == "__main__":
    main()
