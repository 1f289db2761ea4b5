"""Know, explain and cap what your LLM agents spend."""

__version__ = "1.0.0"
