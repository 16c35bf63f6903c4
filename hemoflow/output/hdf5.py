"""Opening HDF5 files that may come from anywhere, and the settings every file of hemoflow is written with."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemoflow.errors import InputError
from hemoflow.output.disk import refuse_link
from hemoflow.output.journal import as_stored, has_pending

if TYPE_CHECKING:
    import h5py

VERSIONS = ("v108", "v110")  # readable by every ParaView; "latest" marks a file as open and a crash leaves the mark

# gzip 1 with shuffle: nearly as small as gzip 4, several times faster, and VTK reads it (it does not read lzf, blosc or
# zstd). fletcher32: a changed bit in compressed data is found on reading.
COMPRESSED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}

# Rows that are filled one by one: without compression a chunk keeps its size and its place in the file.
IN_PLACE: dict[str, Any] = {"fletcher32": True}

_ALLOWED_FILTERS = {1, 2, 3}  # deflate, shuffle, fletcher32
_DEFLATE_RATIO = 400  # zeros through gzip 1 shrink about 230 times; more is a file made to fill the memory
_FREE_SIZE = 1 << 20  # bytes that any dataset may claim
_LARGEST_IMAGE = 1 << 32  # bytes of one field at one step
_MAX_OBJECTS = 20000
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError)


def chunk_shape(shape: tuple[int, ...], itemsize: int, target: int = 1 << 20) -> tuple[int, ...]:
    """Chunk of at most about `target` bytes: the trailing axes whole as far as they fit, the leading ones cut."""
    chunk = [max(1, int(n)) for n in shape]
    for axis in range(len(chunk)):
        rest = itemsize * int(np.prod(chunk[axis + 1 :], dtype=np.int64))
        chunk[axis] = max(1, min(chunk[axis], target // max(1, rest)))
        if chunk[axis] > 1:
            break
    return tuple(chunk)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file open for reading, after a look at everything in it; a pending change is seen as done.

    Raises InputError when the file is missing, damaged, larger inside than it can be, or reaches outside of itself
    (external or soft links, external or virtual storage); also for damage found while the block reads.
    """
    import h5py

    refuse_link(path)
    if not path.is_file() and not has_pending(path):
        raise InputError(f"{path} is missing")
    stored = as_stored(path)
    try:
        with h5py.File(stored, "r") as file:
            inspect(file, path, stored.size)
            yield file
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged or not a file of hemoflow: {' '.join(str(error).split())}") from error
    finally:
        stored.close()


def inspect(file: h5py.File, path: Path, size: int | None = None) -> None:
    """Refuse (InputError) an open file that could read other files, or claims more data than its bytes can hold.

    size: bytes of the file, taken from the disk when left out.
    """
    size = path.stat().st_size if size is None else size
    waiting: list[Any] = [file["/"]]
    seen: set[Any] = {_address(waiting[0])}
    while waiting:
        group = waiting.pop()
        for name in group:
            _check_link(group, name, path)
            if _is_assembly(group):
                continue
            item = group[name]
            key = _address(item)
            if key in seen:
                raise InputError(
                    f"{path}: {item.name} can be reached in two ways; a file of hemoflow has no such links"
                )
            seen.add(key)
            if len(seen) > _MAX_OBJECTS:
                raise InputError(f"{path} holds more than {_MAX_OBJECTS} objects; it is no file of hemoflow")
            if _is_group(item):
                waiting.append(item)
            else:
                _check_dataset(item, path, size)


def _address(item: Any) -> Any:
    import h5py

    return h5py.h5o.get_info(item.id).addr


def _is_group(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Group)


def _is_assembly(group: Any) -> bool:
    return group.name == "/VTKHDF/Assembly"


def _check_link(group: Any, name: str, path: Path) -> None:
    """Only hard links, and the soft links to blocks that the VTKHDF format demands."""
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.HardLink) and not _is_assembly(group):
        return
    if _is_assembly(group) and isinstance(link, h5py.SoftLink) and link.path == f"/VTKHDF/{name}":
        return
    kind = type(link).__name__
    raise InputError(f"{path}: {group.name}/{name} is a link ({kind}) that a file of hemoflow does not hold; not read")


def _check_dataset(item: Any, path: Path, size: int) -> None:
    import h5py

    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{path}: {item.name} is neither a group nor an array; not read")
    if item.external or item.is_virtual:
        raise InputError(f"{path}: the data of {item.name} lie in another file; not read")
    if item.dtype.kind not in "biufS" and h5py.check_string_dtype(item.dtype) is None:
        raise InputError(f"{path}: {item.name} has the type {item.dtype}, which hemoflow does not write; not read")
    create = item.id.get_create_plist()
    if not {create.get_filter(i)[0] for i in range(create.get_nfilters())} <= _ALLOWED_FILTERS:
        raise InputError(f"{path}: {item.name} is stored with a filter that hemoflow does not use; not read")
    claimed = _claimed(item)
    if claimed > _FREE_SIZE + _DEFLATE_RATIO * min(size, item.id.get_storage_size()):
        raise InputError(f"{path}: {item.name} claims {claimed} bytes, more than the file can hold; not read")


def _claimed(item: Any) -> int:
    """Bytes that reading an array takes. Of an image only the stored tiles count, as long as one step is of a sane
    size."""
    if item.shape is None:
        return 0
    whole = int(np.prod(item.shape, dtype=object)) * item.dtype.itemsize
    image = item.name.startswith("/VTKHDF/fluid/CellData/") and bool(item.chunks) and item.shape[0]
    if image and whole // item.shape[0] < _LARGEST_IMAGE:
        return item.id.get_num_chunks() * int(np.prod(item.chunks, dtype=object)) * item.dtype.itemsize
    return whole


def texts(values: Any) -> list[str]:
    """Strings of a stored list of names."""
    return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in np.asarray(values).ravel()]


def content_digest(arrays: dict[str, np.ndarray], text: str) -> str:
    """SHA-256 over names, types, shapes and bytes of arrays (in the order of their names) and one text."""
    digest = hashlib.sha256(text.encode("utf-8"))
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def note(message: str) -> None:
    """Tell the user about something that was survived."""
    warnings.warn(message, UserWarning, stacklevel=3)
