"""A figure that a notebook shows by itself."""

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that is its own display.

    IPython learns to show figures when pyplot is imported, which draws windows elsewhere and which nobody
    needs who only looks at a job.
    """

    def _repr_png_(self) -> bytes:
        drawn = io.BytesIO()
        self.savefig(drawn, format="png")
        return drawn.getvalue()
