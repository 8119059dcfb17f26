"""Facts from a JPEG's header, without decoding it."""

START, END = b"\xff\xd8", b"\xff\xd9"
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
NOT_A_FRAME = {0xC4, 0xC8, 0xCC}  # tables, between the frame headers 0xC0 to 0xCF
MAX_TRAILING_BYTES = 64  # some encoders pad after the end marker


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) in px. Raises ValueError if `data` is empty, no JPEG, or ends early."""
    if not data:
        raise ValueError("0 bytes, expected a JPEG")
    if not data.startswith(START):
        raise ValueError(f"begins with {data[:4].hex()}, expected the JPEG marker ffd8")
    if END not in data[-MAX_TRAILING_BYTES:]:
        raise ValueError("a JPEG that is cut off: its end marker is missing")
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in NOT_A_FRAME:
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise ValueError("a JPEG without a frame header")
