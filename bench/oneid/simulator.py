"""Customers with known truth: what they own, borrow, lose and mistype, and the events that a retailer sees of them.

Nothing here reads the rules or the resolver. The hazards, each with its share in `Hazards`:

- a household shares its members' phones and a tablet; some members have no phone and use another's;
- a number is given up, stays silent for months, and is given to somebody else;
- the parcel is for another member of the household: their name and phone on one's own order;
- a clerk types the shop's phone to save the customer's points; a kiosk is everybody's device;
- digits are mistyped, into nobody's number or into somebody's;
- names are written with another character of the same sound, with a title, or wrongly.

Owners of a phone or device are those who have it (one after the other, or at once); who borrows it is no owner.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from bench.oneid.people_names import drawn_name, miswritten
from oneid.evidence import DAY_S, Observation
from oneid.names import name_tokens

KEY = b"bench"
FIRST_DAY, DAYS = 19_000, 1095
A, B, C = 4, 3, 2


class Hazards(NamedTuple):
    without_phone: float = 0.01  # of members of households of two and more
    borrowed_phone: float = 0.012  # of till receipts of people in households: another member's phone is told
    other_receiver: float = 0.05  # of orders
    tablet: float = 0.06  # of households of two and more
    new_number: float = 0.04  # of people, in three years
    recycled: float = 0.6  # of the numbers given up
    clerk_phone: float = 0.002  # of till receipts
    kiosk: float = 0.01  # of till receipts
    typo: float = 0.003  # of phones typed at a till
    typo_is_real: float = 0.25
    miswritten_name: float = 0.04
    named_login: float = 0.5  # of log-ins registered with a name; cards always are
    named_wechat: float = 0.2
    never_authorised: float = 0.01  # of accounts: used without ever telling the phone


@dataclass
class Person:
    number: int
    household: int
    name: tuple[str, str]
    phones: list[tuple[int, int]]  # (from day, phone)
    card: int | None
    login: int | None
    wechat: int | None
    email: int | None
    erp: int | None
    devices: list[int]
    lender: int | None = None  # whose phone one tells for lack of one's own
    weight: float = 1.0
    joined: int = 0


_Event = tuple[int, list[tuple[str, int]], str]  # class, (type, number) of each identifier, name


class World(NamedTuple):
    """`events` by time with the person behind each; `owners` of each nid, none for nobody's. `at_once`: the nids whose
    owners have them at the same time, rather than one after the other."""

    events: list[Observation]
    actors: list[int]
    owners: dict[str, frozenset[int]]
    at_once: frozenset[str]


def world(people: int, events: int, seed: int, hazards: Hazards | None = None) -> World:
    return _Maker(people, events, seed, hazards or Hazards()).make()


class _Maker:
    def __init__(self, people: int, events: int, seed: int, hazards: Hazards) -> None:
        self.dice = random.Random(f"oneid {seed}")
        self.seed, self.h, self.events = seed, hazards, events
        self.owners: dict[str, set[int]] = {}
        self.made = 0
        self.people: list[Person] = []
        self.households: list[list[int]] = []
        self.tablets: dict[int, int] = {}
        self._nids: dict[tuple[str, int], str] = {}
        self._tokens: dict[str, str] = {}
        while len(self.people) < people:
            self._household(people)
        self._renumber()
        self.shops = max(1, people // 400)

    # ── who there is ──

    def _new(self, type: str, owner: int | None) -> int:
        self.made += 1
        owners = self.owners.setdefault(self._nid(type, self.made), set())
        if owner is not None:
            owners.add(owner)
        return self.made

    def _nid(self, type: str, number: int) -> str:
        nid = self._nids.get((type, number))
        if nid is None:
            digest = blake2b(f"{self.seed} {type} {number}".encode(), digest_size=16).hexdigest()
            nid = self._nids[type, number] = f"{type}:{digest}"
        return nid

    def _household(self, most: int) -> None:
        dice, number = self.dice, len(self.households)
        size = min(dice.choices((1, 2, 3, 4, 5), (38, 27, 20, 10, 5))[0], most - len(self.people))
        members = []
        family = None
        for i in range(size):
            name = drawn_name(dice, family if i >= 2 or (i == 1 and dice.random() < 0.15) else None)
            family = family or name[0]
            members.append(self._person(number, name, alone=size == 1))
        if not any(self.people[m].phones for m in members):
            self.people[members[0]].phones.append((0, self._new("phone", members[0])))
        for member in members:
            if not self.people[member].phones:
                lender = dice.choice([m for m in members if self.people[m].phones])
                self.people[member].lender = lender
                self.owners[self._nid("phone", self.people[lender].phones[0][1])].add(member)
        if size > 1 and dice.random() < self.h.tablet:
            self.tablets[number] = self._new("device", None)
            self.owners[self._nid("device", self.tablets[number])].update(members)
        self.households.append(members)

    def _person(self, household: int, name: tuple[str, str], alone: bool) -> int:
        dice, number = self.dice, len(self.people)

        def some(type: str, share: float) -> int | None:
            return self._new(type, number) if dice.random() < share else None

        phone = None if not alone and dice.random() < self.h.without_phone else self._new("phone", number)
        person = Person(
            number,
            household,
            name,
            [] if phone is None else [(0, phone)],
            some("card", 0.72),
            some("login", 0.40),
            some("wechat_openid", 0.55),
            some("email", 0.15),
            some("erp_customer", 0.04),
            [self._new("device", number) for _ in range(dice.choices((0, 1, 2), (15, 65, 20))[0])],
            weight=math.exp(dice.gauss(0, 0.9)),
            joined=dice.randrange(DAYS - 60) if dice.random() < 0.7 else 0,
        )
        self.people.append(person)
        return number

    def _renumber(self) -> None:
        """People give numbers up, and others get them months later."""
        dice = self.dice
        free: list[tuple[int, int]] = []
        for person in self.people:
            lends = any(self.people[m].lender == person.number for m in self.households[person.household])
            if person.phones and not lends and dice.random() < self.h.new_number:
                day = dice.randrange(100, DAYS)
                given_up = person.phones[0][1]
                person.phones.append((day, self._new("phone", person.number)))
                if dice.random() < self.h.recycled:
                    free.append((day + dice.randint(92, 400), given_up))
        lenders = {p.lender for p in self.people}
        takers = [p for p in self.people if len(p.phones) == 1 and p.number not in lenders]
        dice.shuffle(takers)
        for (day, phone), taker in zip(sorted(free), takers, strict=False):
            if day >= DAYS:
                continue
            # The taker is a new customer, or an old one who changed the number.
            if dice.random() < 0.6:
                self.owners[self._nid("phone", taker.phones[0][1])].discard(taker.number)
                taker.joined = max(day, taker.joined)
                taker.phones = [(0, phone)]
            else:
                taker.phones.append((max(day, 1), phone))
            self.owners[self._nid("phone", phone)].add(taker.number)

    # ── what happens ──

    def make(self) -> World:
        dice = self.dice
        clerks = [self._new("phone", None) for _ in range(self.shops)]
        kiosks = [self._new("device", None) for _ in range(self.shops)]
        self._registered: set[int] = set()
        self._cookies: dict[tuple[int, int], int] = {}
        self._household_cookies: list[int] = []
        actors = dice.choices(range(len(self.people)), [p.weight for p in self.people], k=round(self.events * 0.93))
        planned = []
        for actor in actors:
            person = self.people[actor]
            day = dice.randint(person.joined, DAYS - 1)
            planned.append((day * DAY_S + dice.randrange(6 * 3600, 23 * 3600), actor))
        planned.sort()
        events: list[Observation] = []
        whose: list[int] = []
        for at, actor in planned:
            if len(events) >= self.events:
                break
            shop = self.people[actor].household % self.shops
            self._with_it: _Event | None = None
            event = self._event(self.people[actor], at // DAY_S, clerks[shop], kiosks[shop])
            for cls, shown, name in (event, self._with_it) if self._with_it else (event,):
                nids = tuple(dict.fromkeys(self._nid(type, number) for type, number in shown))
                events.append(Observation(FIRST_DAY * DAY_S + at, cls, nids, self._named(name)))
                whose.append(actor)
        at_once = {self._nid("device", tablet) for tablet in self.tablets.values()}
        at_once |= {self._nid("cookie", cookie) for cookie in self._household_cookies}
        at_once |= {self._nid("phone", self.people[p.lender].phones[0][1]) for p in self.people if p.lender is not None}
        owners = {nid: frozenset(owners) for nid, owners in self.owners.items()}
        return World(events, whose, owners, frozenset(at_once))

    def _named(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = (name_tokens(name, KEY) or "") if name else ""
        return self._tokens[name]

    def _phone(self, person: Person, day: int) -> int:
        """The phone that one says is one's own: without one, always the same other member's."""
        owner = person if person.lender is None else self.people[person.lender]
        return next(phone for since, phone in reversed(owner.phones) if since <= day)

    def _another(self, person: Person, day: int) -> int:
        members = self.households[person.household]
        return self._phone(self.people[self.dice.choice([m for m in members if m != person.number])], day)

    def _typed(self, phone: int) -> int:
        if self.dice.random() >= self.h.typo:
            return phone
        if self.dice.random() < self.h.typo_is_real:
            stranger = self.dice.choice(self.people)
            return stranger.phones[0][1] if stranger.phones else phone
        return self._new("phone", None)

    def _written(self, person: Person) -> str:
        return (
            miswritten(self.dice, person.name) if self.dice.random() < self.h.miswritten_name else "".join(person.name)
        )

    def _event(self, p: Person, day: int, clerk: int, kiosk: int) -> _Event:
        dice = self.dice
        kinds = [("till", 5.0)]
        kinds += [("app", 2.0)] if p.login else []
        kinds += [("mini", 2.5)] if p.wechat else []
        kinds += [("web", 1.0)] if p.devices or p.login or p.email else []
        kinds += [("order", 1.2)] if p.login or p.wechat else []
        kinds += [("service", 0.3)]
        kind = dice.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        if kind == "till":
            return self._at_till(p, day, clerk, kiosk)
        return getattr(self, f"_{kind}")(p, day)  # type: ignore[no-any-return]

    def _registers(self, p: Person, day: int, account: int, type: str) -> _Event | None:
        """The first use of an account: a form for the card, a code to the phone for the others (nearly always)."""
        if account in self._registered:
            return None
        self._registered.add(account)
        phone = ("phone", self._phone(p, day))
        if type == "card":
            with_email = [("email", p.email)] if p.email and self.dice.random() < 0.5 else []
            return B, [("card", account), phone, *with_email], self._written(p)
        if self.dice.random() < self.h.never_authorised:
            return None
        named = self.dice.random() < (self.h.named_login if type == "login" else self.h.named_wechat)
        return A, [(type, account), phone, *self._device(p)], self._written(p) if named else ""

    def _at_till(self, p: Person, day: int, clerk: int, kiosk: int) -> _Event:
        dice = self.dice
        shown: list[tuple[str, int]] = []
        alone = len(self.households[p.household]) == 1
        if p.card and dice.random() < 0.75:
            form = self._registers(p, day, p.card, "card")
            if form:
                return form
            shown.append(("card", p.card))
        if not shown or dice.random() < 0.25:
            borrowed = not alone and dice.random() < self.h.borrowed_phone
            phone = self._another(p, day) if borrowed else self._phone(p, day)
            shown.append(("phone", self._typed(phone)))
        if dice.random() < self.h.clerk_phone:
            shown = [s for s in shown if s[0] != "phone"] + [("phone", clerk)]
        if dice.random() < self.h.kiosk:
            shown.append(("device", kiosk))
        return C, shown, ""

    def _device(self, p: Person) -> list[tuple[str, int]]:
        tablet = self.tablets.get(p.household)
        if tablet and self.dice.random() < 0.2:
            return [("device", tablet)]
        return [("device", self.dice.choice(p.devices))] if p.devices else []

    def _app(self, p: Person, day: int) -> _Event:
        assert p.login
        first = self._registers(p, day, p.login, "login")
        if first:
            return first
        phone = [("phone", self._phone(p, day))] if self.dice.random() < 0.08 and p.phones else []
        card = [("card", p.card)] if p.card and self.dice.random() < 0.1 else []
        return A, [("login", p.login), *phone, *card, *self._device(p)], ""

    def _mini(self, p: Person, day: int) -> _Event:
        assert p.wechat
        first = self._registers(p, day, p.wechat, "wechat_openid")
        if first:
            return first
        if self.dice.random() < 0.12:
            return A, [("wechat_openid", p.wechat), ("phone", self._phone(p, day))], ""
        if p.card and self.dice.random() < 0.1:
            return A, [("wechat_openid", p.wechat), ("card", p.card)], ""
        return C, [("wechat_openid", p.wechat), *self._device(p)], ""

    def _web(self, p: Person, day: int) -> _Event:
        first = self._registers(p, day, p.login, "login") if p.login else None
        if first:
            return first
        device = self._device(p)
        shared = device and device[0][1] == self.tablets.get(p.household)
        # A cookie lives in a browser, so it is of whoever has the device, until it is deleted.
        place = (device[0][1] if device else -p.number, day // 120)
        if place not in self._cookies:
            cookie = self._cookies[place] = self._new("cookie", None if shared else p.number)
            if shared:
                self.owners[self._nid("cookie", cookie)].update(self.households[p.household])
                self._household_cookies.append(cookie)
        cookie = self._cookies[place]
        roll = self.dice.random()
        if p.login and roll < 0.3:
            return A, [("login", p.login), ("cookie", cookie)], ""
        if p.email and roll < 0.45:
            return B, [("email", p.email), ("cookie", cookie)], ""
        return C, [("cookie", cookie), *device], ""

    def _order(self, p: Person, day: int) -> _Event:
        """The buyer's account and the receiver's phone stand together; the receiver's name belongs to the phone."""
        own = ("login", p.login) if p.login else ("wechat_openid", p.wechat or 0)
        first = self._registers(p, day, own[1], own[0])
        if first:
            return first
        members = self.households[p.household]
        receiver = p
        if len(members) > 1 and self.dice.random() < self.h.other_receiver:
            receiver = self.people[self.dice.choice([m for m in members if m != p.number])]
        phone = ("phone", self._phone(receiver, day))
        self._with_it = (B, [phone], self._written(receiver))
        return C, [own, phone], ""

    def _service(self, p: Person, day: int) -> _Event:
        """Customer service notes a phone, a name, and the code in the ERP."""
        erp = [("erp_customer", p.erp)] if p.erp else []
        return B, [*erp, ("phone", self._phone(p, day))], self._written(p)


def arrivals(world: World, seed: int) -> Iterator[Observation]:
    """The events as they arrive: about one in eight late, up to a month, and one in fifty twice."""
    dice = random.Random(f"arrivals {seed}")
    order = []
    for i, event in enumerate(world.events):
        late = dice.random() < 0.12
        order.append((event.at + (dice.randrange(30 * DAY_S) if late else 0), i))
        if dice.random() < 0.02:
            order.append((event.at + dice.randrange(60 * DAY_S), i))
    order.sort()
    return (world.events[i] for _, i in order)
