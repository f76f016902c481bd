"""The parquet door: files in, files out, larger than memory, from cron."""
