"""What the receivers count, for Prometheus. No label holds a value that a sender chose."""

from collections import Counter

METRICS: dict[str, tuple[str, str, str]] = {
    "zhongtai_receive_answers_total": ("counter", "Answers, by path and status.", "应答数（按路径与状态码）"),
    "zhongtai_receive_records_total": ("counter", "Raw records that Kafka acknowledged, by path.", "Kafka 已确认的原始记录数"),
    "zhongtai_receive_on_the_way": ("gauge", "Records handed to Kafka and not yet acknowledged.", "已提交 Kafka 尚未确认的记录数"),
}  # fmt: skip


class Metrics:
    """Plain numbers, written and read in the service's event loop."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.records: Counter[str] = Counter()

    def answered(self, path: str, status: int) -> None:
        self.answers[path, status] += 1

    def stored(self, path: str, count: int) -> None:
        self.records[path] += count

    def text(self, on_the_way: int) -> str:
        """In Prometheus' text format."""
        samples = {
            "zhongtai_receive_answers_total": [
                (f'{{path="{path}",status="{status}"}}', n) for (path, status), n in sorted(self.answers.items())
            ],
            "zhongtai_receive_records_total": [(f'{{path="{path}"}}', n) for path, n in sorted(self.records.items())],
            "zhongtai_receive_on_the_way": [("", on_the_way)],
        }
        lines: list[str] = []
        for name, (type, english, _) in METRICS.items():
            lines += [f"# HELP {name} {english}", f"# TYPE {name} {type}"]
            lines += [f"{name}{labels} {n}" for labels, n in samples[name]]
        return "\n".join(lines) + "\n"
