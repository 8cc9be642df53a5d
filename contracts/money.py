"""Money as text becomes whole minor units: `"12.30"` of CNY is 1230, `"12"` of JPY is 12. Pure; never a float.

Decimals by ISO 4217 (the list of active codes of funds that people pay with).
"""

import re

_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

DECIMALS: dict[str, int] = (
    dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_TWO.split(), 2) | dict.fromkeys(_THREE.split(), 3)
)
MOST = 10**15  # minor units: far above any sum, and far below 2^63, where lakes and marts stop counting
_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,12}))?\Z")


def minor(text: str, currency: str) -> int | None:
    """The amount in minor units of a known currency; None when it is no plain decimal number, or has a part of a unit.

    Zeros after the currency's last decimal are fine: `"12.300"` of CNY is 1230, `"12.305"` is None.
    """
    found = _AMOUNT.match(text)
    if found is None:
        return None
    sign, whole, rest = found.group(1), found.group(2), found.group(3) or ""
    places = DECIMALS[currency]
    if rest[places:].strip("0"):
        return None
    amount = int(whole + rest[:places].ljust(places, "0"))
    if amount > MOST:
        return None
    return -amount if sign else amount


def shares(amount: int, weights: tuple[int, ...]) -> list[int]:
    """`amount` in parts as `weights` (not all zero), to the last unit: what is left over goes to the largest remainders.

    The parts add up to `amount`, none is off by one unit or more, and equal remainders are served from the left.
    """
    whole = sum(weights)
    size = abs(amount)
    parts = [size * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % whole), i))
    for i in by_remainder[: size - sum(parts)]:
        parts[i] += 1
    return [-part for part in parts] if amount < 0 else parts
