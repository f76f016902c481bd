"""The Dask door."""
