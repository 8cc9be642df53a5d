"""Where the lake lies: the folder `lake` of the home, or a place in an object store that speaks S3 (`ZHONGTAI_LAKE`).

Delta tables are the same in both. A commit is a file that must not exist yet: a folder makes sure of that with a hard link, a
store with a conditional put (`If-None-Match`), which Amazon S3 and MinIO know. So of two writers one is refused.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import duckdb
from deltalake.exceptions import DeltaError

from connectors.settings import Settings
from contracts.errors import NotReady
from pipelines.warehouse import duck

# Of what delta-rs and DuckDB tell of a store, the words that help: what failed, not where, with which key, how often.
_CAUSES = re.compile(
    r"NoSuchBucket|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|Forbidden|\b40[0134]\b|\b50[0-4]\b|error sending request"
)


class Store(NamedTuple):
    """A place for Delta tables: a folder's path or an s3:// address, and what delta-rs must know to reach it."""

    place: str
    options: dict[str, str]

    @property
    def folder(self) -> Path | None:
        """The folder, when it is one."""
        return None if self.options else Path(self.place)

    def table(self, topic: str) -> str:
        """Where the table of a topic lies, as delta-rs and DuckDB are told."""
        return f"{self.place}/{topic}"

    def __repr__(self) -> str:
        return f"Store({self.place!r})"  # the options hold a secret


def in_home(home: Path) -> Store:
    """The lake in a home's own folder."""
    return Store(str(home / "lake"), {})


def of(settings: Settings) -> Store:
    """The lake of an installation."""
    if not settings.lake:
        return in_home(settings.home)
    return Store(settings.lake, _options(settings))


def reach(con: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Lets DuckDB read the store. The secret lives in its memory, for this place alone."""
    if store.folder is not None:
        return
    con.execute(duck.extension_sql("httpfs"))
    given = store.options
    at = urlsplit(given["aws_endpoint_url"]) if "aws_endpoint_url" in given else None
    wanted = {
        "KEY_ID": given["aws_access_key_id"],
        "SECRET": given["aws_secret_access_key"],
        "SESSION_TOKEN": given.get("aws_session_token"),
        "REGION": given["aws_region"],
        "ENDPOINT": at.netloc + at.path.rstrip("/") if at else None,
        "URL_STYLE": "path" if at and given["aws_virtual_hosted_style_request"] == "false" else None,
        "USE_SSL": "false" if at and at.scheme == "http" else None,
        "SCOPE": store.place,
    }
    told = ", ".join(f"{name} '{duck.quoted(value)}'" for name, value in wanted.items() if value)
    con.execute(f"CREATE OR REPLACE SECRET zhongtai_lake (TYPE s3, {told})")


@contextmanager
def reached(store: Store) -> Iterator[None]:
    """Says in plain words that an object store did not do as it should. A folder's failures pass as they are."""
    try:
        yield
    except (OSError, DeltaError, duckdb.IOException) as error:
        if store.folder is not None or not _is_stores(error):
            raise
        raise NotReady(
            f"The lake at {store.place} cannot be reached: {_cause(str(error))}.",
            "Check ZHONGTAI_LAKE, the keys and the store itself (docs/warehouse.md, An object store), then go on: zhongtai run",
        ) from None


def _is_stores(error: Exception) -> bool:
    """Whether it is the store that failed, and not a file of ours."""
    told = str(error)
    return "Generic S3 error" in told or "ObjectStore" in told or "HTTP" in told or "s3://" in told


def _cause(told: str) -> str:
    causes = list(dict.fromkeys(_CAUSES.findall(told)))
    return " ".join(causes).replace("error sending request", "it does not answer") or "it refused"


def _options(settings: Settings) -> dict[str, str]:
    options = {
        "aws_access_key_id": settings.s3_key,
        "aws_secret_access_key": settings.s3_secret,
        "aws_region": settings.s3_region,
        # Without it two writers could make the same commit.
        "aws_conditional_put": "etag",
        # Ten tries in three minutes by default: a run is tried again anyway, and a person waits.
        "max_retries": "3",
        "retry_timeout": "20s",
    }
    if settings.s3_token:
        options["aws_session_token"] = settings.s3_token
    if settings.s3_endpoint:
        options |= {"aws_endpoint_url": settings.s3_endpoint, "aws_virtual_hosted_style_request": "false"}
        if settings.s3_endpoint.startswith("http://"):
            options["aws_allow_http"] = "true"
    return options
