import uuid

from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local.ids import RowIds
from tests.local.asking import brief

LINES = st.integers(min_value=0, max_value=2**32 - 1)


@brief
@given(st.uuids(), LINES)
def test_a_rows_id_leads_back_to_its_line(batch: uuid.UUID, line: int) -> None:
    ids = RowIds(str(batch))

    row_id = ids.of(line)

    assert str(uuid.UUID(row_id)) == row_id
    assert ids.line(row_id) == line


@brief
@given(st.uuids(), st.uuids())
def test_another_batchs_id_leads_nowhere(batch: uuid.UUID, other: uuid.UUID) -> None:
    found = RowIds(str(batch)).line(RowIds(str(other)).of(0))

    assert (found is None) == (batch != other)
