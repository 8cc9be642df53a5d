"""Write `jars.txt` anew after a change of version: python -m connectors.broker.lock

Resolves Kafka's dependencies and hashes what the registry serves today. Read the difference before you check it in.
"""

import tempfile
from pathlib import Path

from connectors.broker.jars import KAFKA, LIST, Jar, sha256


def resolve(repository: Path) -> list[Jar]:
    """Everything that the broker needs, sorted. Downloads it into `repository`."""
    from dataclasses import replace

    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    context = MavenContext(repo_cache=repository)
    root = replace(Coordinate.parse(f"org.apache.kafka:kafka_2.13:{KAFKA}"), scope="compile")
    inputs, others = context.resolver.resolve([context.create_dependency(root)])
    wanted = [d.artifact for d in (*inputs, *others) if d.scope in ("compile", "runtime")]
    # Kafka logs through slf4j 1.7 and brings log4j's core, but no binding between the two: its log would be dropped.
    # Not resolved together with Kafka, because log4j's own version rules would then replace some of Kafka's jars.
    log4j = next(a for a in wanted if a.artifactId == "log4j-core")
    wanted.append(context.project(log4j.groupId, "log4j-slf4j-impl").at_version(log4j.version).artifact())
    return sorted((Jar(a.groupId, a.artifactId, a.version, sha256(a.resolve())) for a in wanted), key=lambda j: j.file)


def render(jars: list[Jar]) -> str:
    lines = [f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}" for jar in jars]
    return "\n".join(
        ["# connectors/broker/lock.py wrote this list: group:artifact:version and the jar's SHA-256.", *lines, ""]
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        LIST.write_text(render(resolve(Path(folder))))
