"""An outbox for a shop's back office: what the shop appended is kept on its own disk until the centre has it.

    from zhongtai_edge import Outbox, Config
    outbox = Outbox(Config.read("/var/lib/zhongtai-edge"))
    outbox.append("payments", receipt_line)     # returns when it survives a power cut

`zhongtai-edge run` sends, in a process of its own. This distribution needs kafka-python and Python's SQLite, and imports
nothing else of the platform: what both sides must agree on is data (docs/feeds/pos-edge.md), compared by a test.
"""

from zhongtai_edge.config import Config
from zhongtai_edge.errors import BadInput, EdgeError, Full, Unusable
from zhongtai_edge.outbox import Outbox

__all__ = ["BadInput", "Config", "EdgeError", "Full", "Outbox", "Unusable"]
__version__ = "0.1.0"
