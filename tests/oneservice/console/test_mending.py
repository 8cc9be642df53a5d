"""A dead letter is opened, mended and sent from the console, through a real broker."""

import html
import json

import pytest

from cli.console_tools import formats
from connectors.clock import SystemClock
from connectors.dead_letters import letters
from connectors.kafka import read
from connectors.settings import Settings
from contracts.keys import key
from oneservice.console.tools import Tools
from oneservice.opening import opened
from tests.connectors.test_dead_letters import MENDED, UNPAID, bury, installation
from tests.oneservice.console.visitor import Visitor
from tests.pos_examples import PHONE

__all__ = ["installation"]  # a fixture
pytestmark = pytest.mark.kafka


def test_a_dead_letter_is_opened_mended_and_sent_by_who_may(installation: Settings) -> None:
    (id,) = bury(installation, (UNPAID, "tenders_differ", "tenders"))
    with opened(installation, SystemClock(), follow=False) as service:
        somebody = Visitor(service, tools=Tools(formats=lambda feed: formats(installation, feed)))
        assert id in somebody.get("/letters").text
        assert PHONE not in somebody.get(f"/letters/pos/{id}").text
        assert PHONE in html.unescape(somebody.post(f"/letters/pos/{id}/reveal").text)

        still = somebody.post(f"/letters/pos/{id}/mend", mended=UNPAID.decode())
        assert "tenders" in still.text
        assert sent(installation) == []

        good = somebody.post(f"/letters/pos/{id}/mend", mended=json.dumps(MENDED))
        assert good.status_code == 200
        assert [json.loads(value) for value, _ in sent(installation)] == [MENDED]
        (headers,) = (dict(found) for _, found in sent(installation))
        assert headers["zt_repairs"] == id.encode()
        assert PHONE not in (installation.home / "service" / "audit.jsonl").read_text()


def test_who_may_only_look_cannot_open_or_send(installation: Settings) -> None:
    (id,) = bury(installation, (UNPAID, "tenders_differ", "tenders"))
    roles = "{secret: [], roles: {watcher: {title: {zh: 看, en: Watcher}, layers: [meta], live: [letters]}}}"
    (installation.home / "reference" / "roles.yml").write_text(roles, "utf-8")
    with opened(installation, SystemClock(), follow=False) as service:
        watcher = Visitor(service, "watcher")
        assert watcher.get(f"/letters/pos/{id}").status_code == 200
        assert watcher.post(f"/letters/pos/{id}/reveal").status_code == 403
        assert watcher.post(f"/letters/pos/{id}/mend", mended=json.dumps(MENDED)).status_code == 403
        assert sent(installation) == []
        assert letters(installation, "pos")[id].status == "refused"


def sent(settings: Settings) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
    """Values and headers of the tenant's records in raw.pos."""
    prefix = key(settings.tenant, "")
    return [
        (message.value() or b"", message.headers() or [])
        for _, messages, _ in read(settings, "raw.pos")
        for message in messages
        if (message.key() or b"").startswith(prefix)
    ]
