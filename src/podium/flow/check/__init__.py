"""The check of flow documents: everything that can be known before anything runs (docs/findings.md).

``layout`` puts each node and expression in its place, ``names`` follows their references, ``order``
finds cycles, ``presence`` which nodes may be without a value, ``values`` what each gives, ``calls``
holds arguments against parameters, ``reach`` finds what is done in vain.
"""

from podium.flow.check.checker import check, result_schema

__all__ = ["check", "result_schema"]
