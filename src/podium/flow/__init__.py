"""Flow documents: workflows as data, that people, programs and models write.

So far: the expressions in them (:mod:`podium.flow.expression`).
"""
