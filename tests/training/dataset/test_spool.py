import hashlib
from pathlib import Path

from training.dataset.spool import Spool


def test_blocks_are_written_in_any_order_and_hashed(tmp_path: Path) -> None:
    with Spool(tmp_path / "rows") as spool:
        one, empty, two = spool.add([b"a\n", b"bb\n"]), spool.add([]), spool.add([b"c\n"])
        output = spool.write([two, empty, one], tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_bytes()
    assert written == b"c\na\nbb\n"
    assert (output.rows, output.bytes, output.sha256) == (3, 7, hashlib.sha256(written).hexdigest())
