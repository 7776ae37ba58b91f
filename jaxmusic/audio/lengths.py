"""Audio files' own lengths against their size: a truncated file differs from one whose header is imprecise."""

from __future__ import annotations

import struct
from typing import BinaryIO

# The largest page of an Ogg stream: its header, 255 lengths, and 255 pieces of 255 bytes.
_OGG_PAGE = 27 + 255 + 255 * 255
# Streams that were never finished promise about the largest number, with a sign or without.
_UNFINISHED = (range(2**31 - 2**16, 2**31 + 1), range(2**32 - 2**16, 2**32))
# Samples that a frame of an MP3 stream holds at most.
_MP3_SAMPLES = 1152


def promised_bytes(raw: BinaryIO, size: int) -> int:
    """Bytes that a wav or ogg file must have for all of its sound, as far as it says; 0 where it says nothing.

    libsndfile reads such files without a word when they are cut off.

    Args:
        raw: the file, opened to read.
        size: of the file, in bytes.

    Returns:
        A number above `size` where the file is cut off.
    """
    raw.seek(0)
    header = raw.read(12)
    if header[:4] == b"RIFF" and len(header) == 12:
        return _end_of_wave(raw, size, struct.unpack("<I", header[4:8])[0])
    if header[:4] == b"OggS":
        return _end_of_last_page(raw, size)
    return 0


def _end_of_wave(raw: BinaryIO, size: int, of_file: int) -> int:
    """The end of the samples: players go by that chunk, and many writers get the size of the whole wrong."""
    place, frame = 12, 1
    while place + 8 <= size:
        raw.seek(place)
        name, length = struct.unpack("<4sI", raw.read(8))
        if name == b"fmt " and length >= 16:
            content = raw.read(14)
            if len(content) < 14:
                return place + 8 + length
            frame = max(struct.unpack("<H", content[12:])[0], 1)
        if name == b"data":
            if any(length in numbers for numbers in _UNFINISHED):
                return 0
            # A part of the last frame is no sound.
            return place + 8 + length // frame * frame
        place += 8 + length + length % 2
    return 0 if any(of_file in numbers for numbers in _UNFINISHED) else of_file + 8


def _end_of_last_page(raw: BinaryIO, size: int) -> int:
    start = raw.seek(max(0, size - _OGG_PAGE))
    tail = raw.read()
    page = tail.rfind(b"OggS")
    pieces = tail[page + 27 : page + 27 + tail[page + 26]] if 0 <= page < len(tail) - 26 else b""
    return start + page + 27 + len(pieces) + sum(pieces) if page >= 0 else size


def lacks_only_its_end(raw: BinaryIO, size: int, missing: int) -> bool:
    """Whether an MP3 file that decodes to fewer samples than its header counts is one that players play to its end.

    It lacks a frame or two, or its header miscounts: then the bytes that the header names are there.

    Args:
        raw: the file, opened to read.
        size: of the file, in bytes.
        missing: samples that its header counts and the decoder did not find.
    """
    raw.seek(0)
    start = raw.read(1 << 16)
    if start[:4] in (b"RIFF", b"OggS", b"fLaC"):
        return False
    if missing <= 2 * _MP3_SAMPLES:
        return True
    place = max(start.find(b"Xing"), start.find(b"Info"))
    if place < 0 or len(start) < place + 16:
        return False
    flags, _, length = struct.unpack(">III", start[place + 4 : place + 16])
    # Flags: frames and bytes are named. The bytes are counted from the frame that holds the header, before it.
    return flags & 3 == 3 and 0 < length <= size
