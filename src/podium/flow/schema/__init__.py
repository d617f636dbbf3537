"""The language of flow documents as JSON Schema: for editors, and for models that write plans."""

from podium.flow.schema.language import language_schema
from podium.flow.schema.plans import model_prompt, model_schema

__all__ = ["language_schema", "model_prompt", "model_schema"]
