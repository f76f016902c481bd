"""Parquet in, parquet out."""
