"""The folder: ids and answers in parquet, written so that a crash at any moment loses nothing."""
