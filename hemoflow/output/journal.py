"""Changes to a growing HDF5 file that happen whole or not at all.

HDF5 alone cannot promise this: a writer that is killed, or a disk that fills up, while a file is being changed can
leave it unreadable, and with it every step written before. Here HDF5 works on the file through memory. What it
changed goes first to a checksummed journal beside the file (forced to disk, then renamed) and only then into the
file; a journal that is found later is applied again, so the file is always the state before the change or after it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hemoflow.errors import RunError
from hemoflow.output.disk import replace_file, sync_folder, take_room, writing
from hemoflow.output.layout import JOURNAL_SUFFIX

PAGE = 16384  # bytes; small enough that scattered changes of HDF5's own records cost little
_MAGIC = b"hemoflow journal 1\n"
_HEADER = struct.Struct("<QQ")  # final size of the file, number of pages
_PAGE_HEADER = struct.Struct("<QI")  # page number, bytes in it
_DIGEST = 32


class PagedFile(io.RawIOBase):
    """A file whose changes stay in memory, page by page, until somebody stores them.

    `pages` maps page numbers to their new bytes; `size` is the file's size with the changes.
    """

    def __init__(self, path: Path, pages: dict[int, bytearray] | None = None, size: int | None = None) -> None:
        self._base = open(path, "rb") if path.exists() else io.BytesIO()  # noqa: SIM115 - closed with the object
        self._base_size = self._base.seek(0, os.SEEK_END)
        self.pages = {} if pages is None else pages
        self.size = self._base_size if size is None else size
        self._position = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    def truncate(self, size: int | None = None) -> int:
        self.size = self._position if size is None else size
        return self.size

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self._position))
        done = 0
        while done < count:
            page, first = divmod(self._position + done, PAGE)
            take = min(PAGE - first, count - done)
            if page in self.pages:
                view[done : done + take] = self.pages[page][first : first + take]
            else:
                take = self._read_base(view[done:count], page, first)
            done += take
        self._position += done
        return done

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            page, first = divmod(self._position + done, PAGE)
            take = min(PAGE - first, len(view) - done)
            self._page(page)[first : first + take] = view[done : done + take]
            done += take
        self._position += done
        self.size = max(self.size, self._position)
        return done

    def close(self) -> None:
        self._base.close()
        super().close()

    def _page(self, number: int) -> bytearray:
        """The page to change, filled from the file when it is touched for the first time."""
        if number not in self.pages:
            self._base.seek(number * PAGE)
            self.pages[number] = bytearray(self._base.read(PAGE).ljust(PAGE, b"\0"))
        return self.pages[number]

    def _read_base(self, view: memoryview, page: int, first: int) -> int:
        """Read what is unchanged up to the next changed page; what was never written is zero."""
        last = page
        while last not in self.pages and last * PAGE < page * PAGE + first + len(view):
            last += 1
        take = min(len(view), (last - page) * PAGE - first)
        self._base.seek(page * PAGE + first)
        data = self._base.read(take)
        view[:take] = data.ljust(take, b"\0")
        return take


@contextlib.contextmanager
def changing(path: Path) -> Iterator[PagedFile]:
    """A PagedFile to change `path` (made when missing); the change is stored when the block ends without an error.

    Raises RunError when it cannot be stored; then the file is still what it was, or is completed by the next
    `finish_pending`.
    """
    finish_pending(path)
    file = PagedFile(path)
    try:
        with writing(path):
            yield file
        if file.pages or file.size != path.stat().st_size:
            _store(path, file)
    finally:
        file.close()


def finish_pending(path: Path) -> bool:
    """Apply a journal that a killed process left beside `path`. Returns whether there was one. Raises RunError."""
    journal = _journal_of(path)
    if not journal.exists():
        return False
    pages, size = _read(journal)
    _apply(path, pages, size)
    return True


def has_pending(path: Path) -> bool:
    """Whether a change of `path` was stored in a journal but perhaps not carried out."""
    return _journal_of(path).exists()


def as_stored(path: Path) -> PagedFile:
    """`path` for reading only, with a pending change seen as done; nothing on disk is touched. Raises RunError."""
    if not has_pending(path):
        return PagedFile(path)
    pages, size = _read(_journal_of(path))
    return PagedFile(path, pages, size)


def _journal_of(path: Path) -> Path:
    return path.with_name(path.name + JOURNAL_SUFFIX)


def _store(path: Path, file: PagedFile) -> None:
    last = -(-file.size // PAGE)
    pages = {number: page for number, page in file.pages.items() if number < last}

    def write(temporary: Path) -> None:
        digest = hashlib.sha256()
        with open(temporary, "wb") as out:
            for piece in _pieces(pages, file.size):
                digest.update(piece)
                out.write(piece)
            out.write(digest.digest())

    replace_file(_journal_of(path), write, len(pages) * PAGE)
    _apply(path, pages, file.size)


def _pieces(pages: dict[int, bytearray], size: int) -> Iterator[bytes | bytearray]:
    yield _MAGIC + _HEADER.pack(size, len(pages))
    for number in sorted(pages):
        yield _PAGE_HEADER.pack(number, len(pages[number]))
        yield pages[number]


def _apply(path: Path, pages: dict[int, bytearray], size: int) -> None:
    """Write the pages into the file; room for its growth is taken first, so that a full disk is met before any
    change."""
    with writing(path, len(pages) * PAGE):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if size > os.fstat(descriptor).st_size:
                take_room(descriptor, size)
            for number in sorted(pages):
                _write_all(descriptor, memoryview(pages[number])[: max(0, size - number * PAGE)], number * PAGE)
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _journal_of(path).unlink(missing_ok=True)
        sync_folder(path.parent)


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while len(data):
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count


def _read(journal: Path) -> tuple[dict[int, bytearray], int]:
    """Pages and final size from a journal. Raises RunError for one that is damaged."""
    try:
        data = journal.read_bytes()
        body, digest = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
        if hashlib.sha256(body).digest() != digest or bytes(body[: len(_MAGIC)]) != _MAGIC:
            raise ValueError("its checksum does not match")
        return _parse(body)
    except (OSError, ValueError, struct.error) as error:
        raise RunError(
            f"{journal} is damaged ({error}), and the file beside it may be incomplete: "
            "restore both from a copy, or remove them and start the run again"
        ) from error


def _parse(body: memoryview) -> tuple[dict[int, bytearray], int]:
    position = len(_MAGIC)
    size, count = _HEADER.unpack_from(body, position)
    position += _HEADER.size
    pages: dict[int, bytearray] = {}
    for _ in range(count):
        number, length = _PAGE_HEADER.unpack_from(body, position)
        position += _PAGE_HEADER.size
        if length != PAGE or position + length > len(body):
            raise ValueError("a page is incomplete")
        pages[number] = bytearray(body[position : position + length])
        position += length
    return pages, size
