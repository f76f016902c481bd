"""Run a provider Batch API from a pandas DataFrame: bought once, answers on their own rows."""

__version__ = "0.1.0"
