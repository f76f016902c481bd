"""The Dask door: importing it gives every Dask frame the accessor ``.doubleword``.

Workers move bytes, and the client moves money: they render, upload, fetch and decode, and only the
process that makes the call creates batches, so that each is bought once whatever becomes of a worker.

>>> import dwbatch.dask
>>> import dask.dataframe, pandas
>>> frame = dask.dataframe.from_pandas(pandas.DataFrame({"text": ["lovely", "awful"]}), npartitions=2)
>>> frame.doubleword.run("Is this positive? {text}", model="…")  # doctest: +SKIP
"""

from dask.dataframe.extensions import register_dataframe_accessor

from dwbatch.dask.accessor import Accessor
from dwbatch.dask.keys import KeyPlugin

__all__ = ["KeyPlugin"]

register_dataframe_accessor("doubleword")(Accessor)
