"""What stands at the destination is brought up to date, written over when told, and never taken by mistake."""

from pathlib import Path

import pyarrow.fs as pafs
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.parquet.jobs import answers, run, write


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_a_destination_of_another_recipe_is_refused_before_anything_is_sent(
    server: Server, tmp_path: Path, name: str
) -> None:
    source = write(tmp_path / "in.parquet", "one")
    run(server, source, tmp_path / name)

    with pytest.raises(InputError, match=r"another recipe .* if_exists='replace'.*Nothing was sent"):
        run(server, source, tmp_path / name, "sing {text}")

    assert len(server.ledger()) == 1


def test_a_destination_of_another_program_is_refused_and_replaced_when_told(
    server: Server, tmp_path: Path
) -> None:
    source = write(tmp_path / "in.parquet", "one")
    write(tmp_path / "out" / "theirs.parquet", "theirs")
    with pytest.raises(InputError, match="another program wrote it"):
        run(server, source, tmp_path / "out")

    run(server, source, tmp_path / "out", if_exists="replace")

    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["_SUCCESS", "in.parquet"]


def test_appended_files_stand_beside_the_others(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one")
    run(server, source, tmp_path / "out")
    write(source, "two")

    report = run(server, source, tmp_path / "out", if_exists="append")

    assert sorted(map(str, answers(tmp_path / "out"))) == ["echo: say one", "echo: say two"]
    assert report.sent == 1
    with pytest.raises(InputError, match="one file"):
        run(server, source, tmp_path / "out.parquet", if_exists="append")


def test_a_destination_within_the_source_is_refused(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "a.parquet", "one")

    for where, destination in (
        (tmp_path / "in", tmp_path / "in" / "out"),
        (tmp_path / "in", tmp_path / "in"),
        (source, source),
        (f"{tmp_path}/in/*.parquet", tmp_path / "in" / "out.parquet"),
    ):
        with pytest.raises(InputError, match="stands in the source"):
            run(server, where, destination)
    run(server, source, tmp_path / "in" / "out.parquet")


def test_a_remote_destination_wants_a_place_for_its_ids(server: Server, tmp_path: Path) -> None:
    remote = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    write(tmp_path / "in.parquet", "one")

    with pytest.raises(InputError, match="checkpoint= a local folder, or DWBATCH_HOME"):
        run(server, "in.parquet", "out.parquet", filesystem=remote)
    run(server, "in.parquet", "out.parquet", filesystem=remote, checkpoint=tmp_path / "ids")

    assert answers(tmp_path / "out.parquet") == ["echo: say one"]
