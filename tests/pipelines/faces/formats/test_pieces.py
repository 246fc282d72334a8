"""Stretches of a file read as one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces.formats.pieces import Pieces

CONTENT = bytes(range(200))


@pytest.mark.slow
@given(
    st.lists(st.binary(max_size=20) | st.builds(range, st.integers(0, 199), st.integers(0, 200))),
    st.lists(st.tuples(st.integers(0, 300), st.integers(-1, 300))),
    st.integers(1, 64),
)
def test_reads_as_the_joined_pieces_would(pieces, steps, buffered):
    joined = b"".join(piece if isinstance(piece, bytes) else CONTENT[piece.start : piece.stop] for piece in pieces)
    file = io.BufferedReader(Pieces(io.BytesIO(CONTENT), pieces), buffered)
    expected = io.BytesIO(joined)
    for at, count in steps:
        assert file.seek(at) == expected.seek(at)
        assert file.read(count) == expected.read(count)
    assert file.seek(0, io.SEEK_END) == len(joined)


def test_a_stretch_beyond_the_end_is_the_end():
    assert Pieces(io.BytesIO(b"abc"), [b"x", range(1, 1000)]).read() == b"xbc"
    assert Pieces(io.BytesIO(b""), []).read() == b""


def test_the_file_stays_open():
    file = io.BytesIO(CONTENT)
    io.BufferedReader(Pieces(file, [range(5)])).close()
    assert not file.closed
