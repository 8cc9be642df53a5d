"""What the tills say: the format, the arithmetic of a receipt, and the faults between till and platform."""

import json
from base64 import b64decode
from collections import Counter, defaultdict
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import msgspec
import phonenumbers

from contracts.pos import PosReceipt
from contracts.refusals import REASONS
from tests.twin.recount import accepted, feed_lines, key, poison_places, units_and_barcodes
from twin.poison import CODES, MIB
from twin.world import Counts


def good(world: Path) -> list[PosReceipt]:
    poison = poison_places(world)
    decode = msgspec.json.Decoder(PosReceipt).decode
    return [decode(line) for file, number, line in feed_lines(world) if (file, number) not in poison]


def test_every_line_that_is_not_poison_is_a_receipt_of_the_contract(world: Path) -> None:
    assert len(good(world)) > 2000


def test_payments_add_up_to_the_lines(world: Path) -> None:
    for receipt in good(world):
        assert sum(t.amount_cents for t in receipt.tenders) == sum(line.amount_cents for line in receipt.lines)


def test_some_receipts_have_two_means_of_payment_and_some_have_coupons(world: Path) -> None:
    means = Counter(tuple(sorted(t.type for t in r.tenders)) for r in good(world))
    assert sum(n for types, n in means.items() if len(types) > 1 and "coupon" not in types) > 10
    assert sum(n for types, n in means.items() if "coupon" in types) > 10


def test_each_till_counts_from_one_every_day_without_a_gap_in_time_order(world: Path) -> None:
    numbers: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for receipt in accepted(world, repaired=True):
        numbers[key(receipt)[:3]].append((receipt["at"], receipt["number"]))
    for used in numbers.values():
        assert [number for _, number in sorted(used)] == list(range(1, len(used) + 1))


def test_a_return_brings_back_lines_of_an_earlier_receipt_of_the_shop(world: Path) -> None:
    sales = {key(r): r for r in accepted(world, repaired=True) if r["kind"] == "sale"}
    returns = [r for r in accepted(world, repaired=True) if r["kind"] == "return"]
    assert len(returns) >= 10
    for receipt in returns:
        original = receipt["original"]
        sold = sales[original["store"], original["till"], original["business_date"], original["number"]]
        assert sold["store"] == receipt["store"]
        assert sold["at"] < receipt["at"]
        assert all(line in sold["lines"] and Fraction(line["quantity"]) > 0 for line in receipt["lines"])


def test_a_void_undoes_a_whole_receipt_at_its_till_within_minutes(world: Path) -> None:
    sales = {key(r): r for r in accepted(world, repaired=True) if r["kind"] == "sale"}
    voids = [r for r in accepted(world, repaired=True) if r["kind"] == "void"]
    assert len(voids) >= 3
    for receipt in voids:
        original = receipt["original"]
        sold = sales[original["store"], original["till"], original["business_date"], original["number"]]
        later = datetime.fromisoformat(receipt["at"]) - datetime.fromisoformat(sold["at"])
        assert receipt["till"] == sold["till"]
        assert 60 <= later.total_seconds() <= 600
        assert (receipt["lines"], receipt["tenders"]) == (sold["lines"], sold["tenders"])


def test_fuel_is_written_in_gallons_and_comes_to_whole_thousandths(world: Path) -> None:
    units, _ = units_and_barcodes(world)
    fuel = [line for receipt in good(world) for line in receipt.lines if line.unit == "gal"]
    assert len(fuel) > 20
    for line in fuel:
        assert line.sku
        assert (Fraction(line.quantity) * units[line.sku]["gal"]).denominator == 1


def test_zero_quantities_stay_on_the_receipt(world: Path) -> None:
    assert sum(line.quantity == "0" for receipt in good(world) for line in receipt.lines) > 5


def test_about_four_lines_in_ten_name_the_product_by_a_barcode_that_it_has(world: Path) -> None:
    _, by_barcode = units_and_barcodes(world)
    lines = [line for receipt in good(world) for line in receipt.lines]
    barcodes = [line.barcode for line in lines if line.barcode]
    assert 0.35 < len(barcodes) / len(lines) < 0.45
    assert set(barcodes) <= by_barcode.keys()


def test_cards_and_phones_are_what_they_say(world: Path) -> None:
    shown = [i for receipt in good(world) for i in receipt.identifiers]
    for identifier in shown:
        if identifier.type == "phone":
            assert phonenumbers.is_valid_number(phonenumbers.parse(identifier.value, "CN")), identifier
        else:
            digits = [int(d) for d in reversed(identifier.value)]
            luhn = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
            assert (len(digits), luhn % 10) == (16, 0), identifier
    cards = sum(any(i.type == "card" for i in r.identifiers) for r in good(world))
    assert 0.5 < cards / len(good(world)) < 0.75


def test_a_receipt_sent_again_has_the_same_bytes_and_never_comes_first(world: Path, counts: Counts) -> None:
    poison = poison_places(world)
    seen: dict[tuple[object, ...], tuple[str, bytes]] = {}
    same_file, later_file = 0, 0
    for file, number, line in feed_lines(world):
        if (file, number) in poison:
            continue
        first_file, first = seen.setdefault(key(json.loads(line)), (file, line))
        assert first == line
        if first is not line:
            same_file += file == first_file
            later_file += file > first_file
    assert same_file > 0
    assert later_file > 0
    assert same_file + later_file == counts.duplicates


def test_some_receipts_arrive_late_and_some_the_next_day(world: Path, counts: Counts) -> None:
    poison = poison_places(world)
    seen, latest, late, next_day = set(), "", 0, 0
    for file, number, line in feed_lines(world):
        if (file, number) in poison:
            continue
        receipt = json.loads(line)
        if key(receipt) in seen:
            continue
        seen.add(key(receipt))
        late += receipt["at"] < latest
        next_day += receipt["at"][:10] not in file
        latest = max(latest, receipt["at"])
    # A poison can be the later one that a receipt falls behind, and its time is not read here.
    assert counts.out_of_order - 5 <= late <= counts.out_of_order
    assert 0.03 < late / len(seen) < 0.06
    assert next_day > 0


def test_there_is_poison_of_every_kind_and_each_code_is_in_the_contract(world: Path, counts: Counts) -> None:
    codes = Counter(poison_places(world).values())
    assert set(codes) == set(CODES)
    assert set(codes) <= REASONS.keys()
    assert codes.total() == counts.poison


def test_poison_is_sent_once_and_only_in_its_poison_form(world: Path) -> None:
    poison = poison_places(world)
    sent = [line for _, _, line in feed_lines(world)]
    counted = {key(receipt) for receipt in accepted(world)}
    lines = (world / "repaired" / "pos.jsonl").read_text(encoding="utf-8").splitlines()
    originals = [b64decode(json.loads(line)["original"]) for line in lines]
    assert originals == [line for file, number, line in feed_lines(world) if (file, number) in poison]
    assert all(sent.count(original) == 1 for original in originals)
    for line in lines:
        repaired = json.loads(line)["repaired"]
        msgspec.convert(repaired, PosReceipt)
        assert key(repaired) not in counted


def test_each_poison_has_the_defect_of_its_code(world: Path) -> None:
    lines = {(file, number): line for file, number, line in feed_lines(world)}
    units, by_barcode = units_and_barcodes(world)
    for place, code in poison_places(world).items():
        assert defect(lines[place], units, by_barcode) == code


def defect(raw: bytes, units: dict[str, dict[str, Fraction]], by_barcode: dict[str, str]) -> str | None:
    """What is wrong with a line, by the words of the contract. Not by any code of the platform."""
    if len(raw) > MIB:
        return "too_large"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    names: list[bool] = []

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names.append(len(pairs) == len(dict(pairs)))
        return dict(pairs)

    try:
        whole = json.loads(raw, object_pairs_hook=unique)
    except ValueError:
        return "not_json"
    if not all(names):
        return "written_twice"
    try:
        receipt = msgspec.convert(whole, PosReceipt)
    except msgspec.ValidationError as error:
        told = {
            "missing required": "missing",
            "unknown field": "unknown_field",
            "Expected `int`": "wrong_type",
            "$.at": "bad_time",
            "$.currency": "bad_value",
        }
        return next(code for words, code in told.items() if words in str(error))
    return wrong_fact(receipt, units, by_barcode)


def wrong_fact(receipt: PosReceipt, units: dict[str, dict[str, Fraction]], by_barcode: dict[str, str]) -> str | None:
    found = [
        *(["no_lines"] if not receipt.lines else []),
        *(["sku_or_barcode"] if any((x.sku is None) == (x.barcode is None) for x in receipt.lines) else []),
    ]
    if sum(t.amount_cents for t in receipt.tenders) != sum(x.amount_cents for x in receipt.lines):
        found.append("tenders_differ")
    for line in receipt.lines:
        if (line.sku is None) == (line.barcode is None):
            continue
        sku = line.sku or by_barcode.get(line.barcode or "")
        if sku not in units:
            found.append("unknown_sku" if line.sku else "unknown_barcode")
        elif line.unit not in units[sku]:
            found.append("unknown_unit")
        elif (Fraction(line.quantity) * units[sku][line.unit]).denominator != 1:
            found.append("part_of_unit")
    for identifier in receipt.identifiers:
        try:
            phone = phonenumbers.parse(identifier.value, "CN")
        except phonenumbers.NumberParseException:
            phone = None
        if identifier.type == "phone" and (phone is None or not phonenumbers.is_possible_number(phone)):
            found.append("bad_identifier")
    assert len(found) <= 1
    return found[0] if found else None
