"""Vectors of sentences: those of the reference, alone or together, and labels by likeness."""

import json
import shutil

from pathlib import Path

import numpy as np
import pytest

from podium import Podium, workflow
from podium.core.errors import InvalidOption
from podium.models import ModelUnknown
from podium.models.embeddings import Nearest, embed
from podium.models.local import WeightsDamaged, WeightsMissing
from podium.models.local.minilm import SIZE, minilm, read_safetensors
from podium.models.local.weights import MINILM
from podium.models.local.wordpiece import words
from tests.harness import drive, fresh_names

HAPPY = "That is a happy person"
REFERENCE = {
    "That is a very happy person": 0.943,
    "That is a happy dog": 0.695,
    "Today is a sunny day": 0.257,
}
"""Cosines to HAPPY that the makers of the model show."""


def test_words_and_marks() -> None:
    """Accents, case and controls go; marks and Chinese characters are words of their own."""
    text = "  Café, 10€!\tÜber-x\u200b\x00 中国 naïve"

    assert [*words(text)] == ["cafe", ",", "10€", "!", "uber", "-", "x", "中", "国", "naive"]


@pytest.mark.long
def test_the_vectors_are_those_of_the_reference() -> None:
    """The cosines are those that the makers show, and so are the first numbers of their example."""
    vectors = np.array(embed.fn([HAPPY, *REFERENCE, "This is an example sentence"]))

    assert np.round(vectors[1:4] @ vectors[0], 3).tolist() == [*REFERENCE.values()]
    assert np.round(vectors[4][:4], 4).tolist() == [0.0677, 0.0635, 0.0487, 0.0793]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.long
def test_a_text_is_the_same_alone_and_among_others() -> None:
    """Texts that are computed together do not change each other; nothing and too much are texts, too."""
    texts = [HAPPY, "", "word " * 400, "ünïcode 中国", "x" * 500]
    together = minilm().vectors(texts)

    assert together.shape == (5, SIZE)
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(minilm().vectors([text])[0], vector, atol=1e-5)
    assert np.allclose(minilm().vectors(["word " * 300])[0], together[2], atol=1e-5)


@pytest.mark.long
def test_a_step_of_a_run() -> None:
    """In a workflow it is a step, whose vectors are recorded."""

    async def program() -> None:
        async with Podium(":memory:") as app:
            run = await app.start(alike, {"one": HAPPY, "other": "That is a happy dog"})
            assert await run.result() == pytest.approx(0.695, abs=0.001)
            assert [step.path for step in await run.steps()] == ["podium.embed"]

    with fresh_names():

        @workflow
        async def alike(one: str, other: str) -> float:
            first, second = await embed([one, other])
            return sum(a * b for a, b in zip(first, second, strict=True))

        drive(program())


EXAMPLES = [
    ("Where is my parcel?", "delivery"),
    ("When does it arrive?", "delivery"),
    ("I want my money back", "refund"),
    ("Please refund me", "refund"),
]


@pytest.mark.long
def test_labels_by_likeness() -> None:
    """The label of the most alike examples, sure where it leads; an example has no say on itself."""
    nearest = Nearest(EXAMPLES, lead_from=0.1, shown=2)

    guess = nearest.guess("where is the package that I ordered?")
    assert (guess.label, guess.is_sure) == ("delivery", True)
    assert guess.alike == (
        ("When does it arrive?", "delivery"),
        ("Where is my parcel?", "delivery"),
    )
    assert not nearest.guess("I like trains").is_sure
    assert nearest.guess("Please refund me").likeness < 0.9
    with pytest.raises(InvalidOption, match="1 labels"):
        Nearest(EXAMPLES[:2])


@pytest.mark.long
def test_vectors_of_examples_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are computed once on a machine; what is kept and damaged is computed anew."""
    shutil.copytree(MINILM.path(), tmp_path / MINILM.folder.name)
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))
    texts = [("a lamp", "x"), (f"a chair {tmp_path.name}", "y")]
    before = Nearest(texts).guess("lamp")
    kept = [*MINILM.folder.glob("vectors-*.npy")]
    assert kept

    from podium.models.local import minilm as module

    module._kept.cache_clear()
    assert Nearest(texts).guess("lamp") == before
    module._kept.cache_clear()
    for file in kept:
        file.write_bytes(b"nonsense")
    assert Nearest(texts).guess("lamp") == before


def test_weights_that_are_missing_or_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are told with what to do."""
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path))
    with pytest.raises(WeightsMissing, match="podium model pull minilm"):
        embed.fn(["x"])
    for head in (b"", b"\xff" * 50, (40).to_bytes(8, "little") + b"{}" * 20):
        (tmp_path / "x.safetensors").write_bytes(head)
        with pytest.raises(WeightsDamaged, match="podium model pull minilm"):
            read_safetensors(tmp_path / "x.safetensors")
    cut = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(cut).to_bytes(8, "little") + cut + b"1234")
    with pytest.raises(WeightsDamaged, match="cannot be read"):
        read_safetensors(tmp_path / "x.safetensors")


def test_what_cannot_be_embedded() -> None:
    """Another model, and more texts than one call takes, are refused."""
    with pytest.raises(ModelUnknown, match=r"'openai:x'.*expected 'local:minilm'"):
        embed.fn(["x"], model="openai:x")
    with pytest.raises(InvalidOption, match=r"1,001 texts, at most 1,000"):
        embed.fn(["x"] * 1001)
