"""A data set on disk: ArrayRecord shards, a columnar index over them, and `store.json`.

    store.json                  what the store is (`StoreInfo`); written last: without it, a store is unfinished
    index.arrow                 one row an example (`layout.INDEX_SCHEMA`), in the order of the shards
    rejected.jsonl              key and reason of every example that was refused
    shards/NNNNN.array_record   the examples' bytes

Records are read by row number. Shards can be written by many processes (`begin`, `write_shard`, `finish`).
"""

from posepile.store.layout import StoreError, StoreInfo
from posepile.store.reader import Store
from posepile.store.repair import RepairReport, repair
from posepile.store.summary import summarise
from posepile.store.verify import verify
from posepile.store.writer import Rejection, StoreWriter, begin, finish, load_rejections, write_shard

__all__ = [
    "Rejection",
    "RepairReport",
    "Store",
    "StoreError",
    "StoreInfo",
    "StoreWriter",
    "begin",
    "finish",
    "load_rejections",
    "repair",
    "summarise",
    "verify",
    "write_shard",
]
