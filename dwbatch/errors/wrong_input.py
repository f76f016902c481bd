"""What is wrong before anything was sent."""

from typing import Self

from dwbatch.errors.base import DwbatchError


class InputError(DwbatchError, ValueError):
    """Wrong input, found before anything was sent.

    Parameters
    ----------
    message : str
        What is wrong, where, and the fix.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> try:
    ...     frame.doubleword.preview("Is {txt} positive?", model="m")
    ... except dwbatch.InputError as error:
    ...     print(error)
    Column 'txt' is named in the prompt but not in the frame. Did you mean 'text'? Columns: 'text'. Nothing was sent.
    """

    @classmethod
    def nothing_sent(cls, message: str) -> Self:
        """An error whose sentence ends by saying that nothing was sent."""
        return cls(f"{message} Nothing was sent.")


class UnknownParameterError(InputError, TypeError):
    """A keyword that the call does not know.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> try:
    ...     frame.doubleword.run("Is {text} positive?", model="m", temprature=0)
    ... except dwbatch.UnknownParameterError as error:
    ...     print(error)
    run() does not know 'temprature'. Did you mean 'temperature'? Nothing was sent.
    """


class CredentialsError(DwbatchError):
    """No key was found, or the one found cannot be sent safely.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> try:
    ...     frame.doubleword.run("Is {text} positive?", model="m", api_key="sk with spaces")
    ... except dwbatch.CredentialsError as error:
    ...     print("sk with" in str(error))
    False
    """
