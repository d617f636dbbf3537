"""Providers over the network, by the direct layer of ``pydantic-ai-slim``, with its retries off."""
