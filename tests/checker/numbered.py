"""Records that can be told apart, and from what was made of them."""
import zlib

from otlp_rows import line

# Attributes of each record. An id is `<client>-<sequence number>`.
ID, SEQUENCE, CHECKSUM = "test.id", "test.sequence", "test.checksum"
ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"


def checksum(row):
    """Over the whole row of the table but the checksum itself."""
    attributes = {key: text for key, text in row["attributes"].items() if key != CHECKSUM}
    return f"{zlib.crc32(line({**row, 'attributes': attributes}).encode()):08x}"
