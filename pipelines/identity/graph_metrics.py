"""What the owner of the evidence tells of its graph, for Prometheus, the console and `zhongtai status`: counts only."""

from collections.abc import Iterator

from oneid.shape import Shape
from pipelines.batch import Gauge, Sample

GRAPH = {
    "zhongtai_graph_identifiers": Gauge(("type",), "Identifiers, by type", "标识数量，按类型"),
    "zhongtai_graph_members": Gauge(
        ("identifiers",), "Members, by how many identifiers they have", "会员数量，按其标识个数"
    ),
    "zhongtai_graph_largest": Gauge((), "Identifiers of the member who has most", "标识最多的会员的标识个数"),
    "zhongtai_graph_generic": Gauge(
        ("type",),
        "Values that stand beside too many people to be anybody's, by type",
        "关联人数过多而不属于任何人的值，按类型",
    ),
    "zhongtai_graph_recycled": Gauge((), "Identifiers that had several owners in turn", "先后属于不同人的标识数量"),
    "zhongtai_graph_refused": Gauge(
        ("rule",),
        "Edges refused, by rule, one for each time that one was judged since the graph was made in this worker",
        "被规则拒绝的边，按规则；自本进程建图以来每次判定计一次",
    ),
}


def samples(shape: Shape) -> Iterator[Sample]:
    """The values of all of `GRAPH`."""
    labelled = {
        "identifiers": shape.identifiers,
        "members": shape.members,
        "generic": shape.generic,
        "refused": shape.refused,
    }
    for name, counts in labelled.items():
        yield from (Sample(f"zhongtai_graph_{name}", (label,), count) for label, count in counts.items())
    yield Sample("zhongtai_graph_largest", (), shape.largest)
    yield Sample("zhongtai_graph_recycled", (), shape.recycled)
