"""Settings: a home folder and a few environment variables. docs/settings.md lists them, and a test compares.

Nothing here holds a secret of ours: keys live in the key store (`connectors.keystore`).
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.errors import BadInput, NotReady

# name → (default, what it does). The one list of the environment variables that zhongtai reads.
VARIABLES: dict[str, tuple[str, str]] = {
    "ZHONGTAI_HOME": (".zhongtai", "The folder that holds everything this installation stores."),
    "ZHONGTAI_TENANT": ("demo", "The tenant: it leads every key. Letters, digits and dashes."),
    "ZHONGTAI_KAFKA": ("", "host:port[,host:port] of your own Kafka cluster. Empty: the embedded broker."),
    "ZHONGTAI_KAFKA_SECURITY": ("PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."),
    "ZHONGTAI_KAFKA_SASL_MECHANISM": ("", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, with SASL."),
    "ZHONGTAI_KAFKA_SASL_USER": ("", "The SASL user."),
    "ZHONGTAI_KAFKA_SASL_PASSWORD": ("", "The SASL password."),
    "ZHONGTAI_KAFKA_CA": ("", "A file with the certificate authority of the cluster, with TLS."),
    "ZHONGTAI_REPLICATION": ("1", "Replication factor of the topics that `zhongtai topics apply` creates."),
    "ZHONGTAI_PRODUCTS": ("", "The product reference file. Empty: the newest in <home>/reference/."),
    "ZHONGTAI_LOCATIONS": (
        "",
        "The location reference file (docs/feeds/wms.md). Empty: the newest in <home>/reference/, or none.",
    ),
    "ZHONGTAI_METRICS": (
        "127.0.0.1:0",
        "Where a worker answers Prometheus, host:port. Port 0: a free one; status shows it.",
    ),
    "ZHONGTAI_RECEIVE": ("127.0.0.1:8090", "Where `zhongtai receive` listens, host:port. Port 0: a free one."),
    "ZHONGTAI_SERVICE": ("127.0.0.1:8100", "Where `zhongtai serve` listens, host:port. Port 0: a free one."),
    "ZHONGTAI_LAKE": ("", "s3://bucket/prefix for a lake in an object store. Empty: <home>/lake."),
    "ZHONGTAI_S3_ENDPOINT": ("", "http(s)://host[:port] of the object store. Empty: Amazon's."),
    "ZHONGTAI_S3_REGION": ("us-east-1", "The region of the bucket."),
    "ZHONGTAI_S3_KEY": ("", "The access key's id."),
    "ZHONGTAI_S3_SECRET": ("", "The access key's secret."),
    "ZHONGTAI_S3_TOKEN": ("", "The session token, with temporary keys."),
    "ZHONGTAI_LOGS": ("text", "How workers write their logs: text, or json (one object a line)."),
    "ZHONGTAI_PHONE_REGION": ("CN", "The country of phone numbers written without a country code."),
}
_TENANT = re.compile(r"^[A-Za-z0-9-]{1,32}$")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    home: Path
    tenant: str = "demo"
    kafka: str = ""
    security: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_user: str = ""
    sasl_password: str = ""
    ca: str = ""
    replication: int = 1
    products: str = ""
    locations: str = ""
    phone_region: str = "CN"
    metrics: str = "127.0.0.1:0"
    logs: str = "text"
    receive: str = "127.0.0.1:8090"
    service: str = "127.0.0.1:8100"
    lake: str = ""
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_key: str = ""
    s3_secret: str = ""
    s3_token: str = ""

    @property
    def embedded(self) -> bool:
        return not self.kafka

    @property
    def bootstrap(self) -> str:
        """host:port of the cluster. Raises `NotReady` when the embedded broker was never started."""
        if self.kafka:
            return self.kafka
        try:
            return f"127.0.0.1:{json.loads((self.home / 'kafka' / 'broker.json').read_bytes())['port']}"
        except FileNotFoundError:
            raise NotReady("The embedded Kafka broker has not been started here.", "Start it: zhongtai up") from None

    def librdkafka(self) -> dict[str, str | int | float | bool]:
        """Settings for confluent-kafka clients."""
        config: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security,
            "log_level": 2,
        }
        if self.security.startswith("SASL"):
            config |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_user,
                "sasl.password": self.sasl_password,
            }
        if self.security.endswith("SSL") and self.ca:
            config["ssl.ca.location"] = self.ca
        return config

    def kafka_python(self) -> dict[str, object]:
        """Settings for kafka-python clients."""
        config: dict[str, object] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.security,
        }
        if self.security.startswith("SASL"):
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_user,
                "sasl_plain_password": self.sasl_password,
            }
        if self.security.endswith("SSL") and self.ca:
            config["ssl_cafile"] = self.ca
        return config


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises `BadInput` for a value that cannot be."""
    env = os.environ if environment is None else environment
    value = {name: env.get(name) or default for name, (default, _) in VARIABLES.items()}
    unknown = sorted(name for name in env if name.startswith("ZHONGTAI_") and name not in VARIABLES)
    if unknown:
        raise BadInput(f"Unknown setting: {', '.join(unknown)}.", f"Known: {', '.join(VARIABLES)}.")
    if not _TENANT.match(value["ZHONGTAI_TENANT"]):
        raise BadInput("ZHONGTAI_TENANT may hold letters, digits and dashes only.", "Choose another name.")
    if value["ZHONGTAI_KAFKA_SECURITY"] not in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"):
        raise BadInput("ZHONGTAI_KAFKA_SECURITY is not one that Kafka knows.", VARIABLES["ZHONGTAI_KAFKA_SECURITY"][1])
    if not re.match(r"^[^:]+:[0-9]{1,5}$", value["ZHONGTAI_METRICS"]):
        raise BadInput("ZHONGTAI_METRICS is not host:port.", "Such as 127.0.0.1:9100.")
    if value["ZHONGTAI_LOGS"] not in ("text", "json"):
        raise BadInput("ZHONGTAI_LOGS is neither text nor json.", VARIABLES["ZHONGTAI_LOGS"][1])
    if value["ZHONGTAI_LAKE"] and not re.match(
        r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)*/?$", value["ZHONGTAI_LAKE"]
    ):
        raise BadInput(
            "ZHONGTAI_LAKE is not s3://bucket/prefix.", "Such as s3://retail/zhongtai/lake, or leave it empty."
        )
    if value["ZHONGTAI_LAKE"] and not (value["ZHONGTAI_S3_KEY"] and value["ZHONGTAI_S3_SECRET"]):
        raise BadInput("A lake in an object store needs keys.", "Set ZHONGTAI_S3_KEY and ZHONGTAI_S3_SECRET.")
    if not re.match(r"^(https?://[^/]+/?)?$", value["ZHONGTAI_S3_ENDPOINT"]):
        raise BadInput("ZHONGTAI_S3_ENDPOINT is not http(s)://host[:port].", "Such as https://minio.example.com:9000.")
    if not value["ZHONGTAI_REPLICATION"].isdigit():
        raise BadInput("ZHONGTAI_REPLICATION is not a number.", "Use 1 on one broker, 3 in production.")
    return Settings(
        home=Path(value["ZHONGTAI_HOME"]).absolute(),
        tenant=value["ZHONGTAI_TENANT"],
        kafka=value["ZHONGTAI_KAFKA"],
        security=value["ZHONGTAI_KAFKA_SECURITY"],
        sasl_mechanism=value["ZHONGTAI_KAFKA_SASL_MECHANISM"],
        sasl_user=value["ZHONGTAI_KAFKA_SASL_USER"],
        sasl_password=value["ZHONGTAI_KAFKA_SASL_PASSWORD"],
        ca=value["ZHONGTAI_KAFKA_CA"],
        replication=int(value["ZHONGTAI_REPLICATION"]),
        products=value["ZHONGTAI_PRODUCTS"],
        locations=value["ZHONGTAI_LOCATIONS"],
        phone_region=value["ZHONGTAI_PHONE_REGION"],
        metrics=value["ZHONGTAI_METRICS"],
        logs=value["ZHONGTAI_LOGS"],
        receive=value["ZHONGTAI_RECEIVE"],
        service=value["ZHONGTAI_SERVICE"],
        lake=value["ZHONGTAI_LAKE"].rstrip("/"),
        s3_endpoint=value["ZHONGTAI_S3_ENDPOINT"],
        s3_region=value["ZHONGTAI_S3_REGION"],
        s3_key=value["ZHONGTAI_S3_KEY"],
        s3_secret=value["ZHONGTAI_S3_SECRET"],
        s3_token=value["ZHONGTAI_S3_TOKEN"],
    )
