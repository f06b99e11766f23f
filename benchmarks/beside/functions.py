"""Functions as applications have them: pure, with hints, and with limits of all kinds."""

from __future__ import annotations

import calendar
import dataclasses
import enum
import re
from datetime import date, timedelta
from decimal import Decimal


def unit_price(quantity: int, list_price: int, *, member: bool = False) -> int:
    """Give the price of one piece in cents: the more, the cheaper."""
    if quantity < 1:
        raise ValueError(f"not a quantity: {quantity}")
    if quantity >= 1000:
        discount = 30
    elif quantity >= 250:
        discount = 20
    elif quantity > 50:
        discount = 10
    else:
        discount = 0
    if member and discount < 25:
        discount += 5
    return list_price - list_price * discount // 100


def parse_content_type(header: str) -> tuple[str, dict[str, str]]:
    """Split ``text/html; charset="utf-8"`` into a type and its parameters."""
    kind, *rest = header.split(";")
    kind = kind.strip().lower()
    if kind.count("/") != 1:
        kind = "text/plain"
    parameters = {}
    for part in rest:
        name, separator, value = part.partition("=")
        name = name.strip().lower()
        if not separator or not name:
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        parameters[name] = value
    return kind, parameters


def slugify(title: str, max_length: int = 40) -> str:
    """Make a title a part of an address."""
    words = re.findall(r"[a-z0-9]+", title.replace("&", " and ").replace("'", "").lower())
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > max_length:
            break
        slug = longer
    return slug or "untitled"


def merge_intervals(intervals: list[tuple[int, int]], gap: int = 0) -> list[tuple[int, int]]:
    """Join intervals that overlap, touch, or are no further apart than a gap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if end < start:
            continue
        if merged and start <= merged[-1][1] + gap:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def next_due(last: date, months: int) -> date:
    """Give the day a bill is due some months later: in that month, and on a working day."""
    if not 1 <= months <= 24:
        raise ValueError(f"months: {months}")
    years, month = divmod(last.month - 1 + months, 12)
    year, month = last.year + years, month + 1
    _, days = calendar.monthrange(year, month)
    due = date(year, month, min(last.day, days))
    if due.weekday() >= 5:
        later = due + timedelta(days=7 - due.weekday())
        due = later if later.month == month else due - timedelta(days=due.weekday() - 4)
    return due


NUMERALS = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


def to_roman(number: int) -> str:
    """Write a number as the Romans did."""
    if not 0 < number < 4000:
        raise ValueError(f"no Roman numeral: {number}")
    text = ""
    for value, numeral in NUMERALS:
        count, number = divmod(number, value)
        text += numeral * count
    return text


def from_roman(text: str) -> int:
    """Read a Roman numeral."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    before = 0
    for letter in reversed(text.strip().upper()):
        value = values[letter]
        if value < before:
            total -= value
        else:
            total += value
            before = value
    return total


def run_lengths(text: str, at_least: int = 1) -> list[tuple[str, int]]:
    """Count how often each character stands in a row."""
    runs: list[tuple[str, int]] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or text[place] != text[start]:
            if place - start >= at_least:
                runs.append((text[start], place - start))
            start = place
    return runs


class Shipping(enum.Enum):
    """How fast a parcel comes."""

    STANDARD = "standard"
    EXPRESS = "express"
    COLLECT = "collect"


@dataclasses.dataclass(frozen=True)
class Line:
    """Some pieces of one article; prices are in cents."""

    sku: str
    price: int
    quantity: int = 1


@dataclasses.dataclass(frozen=True)
class Cart:
    """What somebody is about to buy."""

    lines: list[Line]
    shipping: Shipping = Shipping.STANDARD
    coupon: str | None = None


def cart_total(cart: Cart) -> int:
    """Give what a cart costs in cents, with its coupon and its shipping."""
    total = sum(line.price * line.quantity for line in cart.lines if line.quantity > 0)
    if cart.coupon == "WELCOME10":
        total -= total // 10
    elif cart.coupon == "FIVER" and total > 2500:
        total -= 500
    if any(line.sku.startswith("gift-") for line in cart.lines):
        total += 250
    if cart.shipping is Shipping.EXPRESS:
        total += 1290
    elif cart.shipping is Shipping.STANDARD and total < 5000:
        total += 490
    return max(total, 0)


def human_size(size: int, *, binary: bool = False) -> str:
    """Write a number of bytes for people."""
    step = 1024 if binary else 1000
    if abs(size) < step:
        return f"{size} B"
    amount = float(size)
    power = 0
    while abs(amount) >= step and power < 4:
        amount /= step
        power += 1
    digits = 1 if abs(amount) < 10 else 0
    return f"{amount:.{digits}f} {'kMGT'[power - 1]}{'iB' if binary else 'B'}"


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int:
    """Read ``1h30m`` as seconds; a plain number is seconds."""
    seconds = 0
    number = ""
    for character in text.strip():
        if character in "0123456789":
            number += character
        elif character in UNITS and number:
            seconds += int(number) * UNITS[character]
            number = ""
        elif character != " ":
            raise ValueError(f"not a duration: {text!r}")
    if number:
        seconds += int(number)
    return seconds


def password_problems(password: str, user: str = "") -> list[str]:
    """Tell what is wrong with a password."""
    problems = []
    if len(password) < 8:
        problems.append("shorter than 8")
    if len(password) > 64:
        problems.append("longer than 64")
    kinds = [str.islower, str.isupper, str.isdigit]
    missing = sum(not any(map(kind, password)) for kind in kinds)
    if missing > 1:
        problems.append("needs two of: lower case, upper case, digits")
    if user and user.lower() in password.lower():
        problems.append("holds the user's name")
    if len(set(password)) * 2 < len(password):
        problems.append("repeats itself")
    return problems


def percentile(values: list[float], percent: float = 50.0) -> float | None:
    """Give the value below which so many percent are, between two neighbours if need be."""
    if not 0 <= percent <= 100:
        raise ValueError(f"percent: {percent}")
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    if below + 1 >= len(ordered):
        return ordered[-1]
    share = place - below
    return ordered[below] * (1 - share) + ordered[below + 1] * share


BRACKETS = ((Decimal(12000), Decimal("0.15")), (Decimal(55000), Decimal("0.28")))


def income_tax(income: Decimal, children: int = 0) -> Decimal:
    """Give a year's tax."""
    if not income.is_finite() or income < 0:
        raise ValueError(f"income: {income}")
    free = 10000 + 2500 * min(children, 3)
    taxed = max(income - free, Decimal(0))
    tax = Decimal(0)
    below = Decimal(0)
    for limit, rate in BRACKETS:
        tax += (min(taxed, limit) - below) * rate
        if taxed <= limit:
            break
        below = limit
    else:
        tax += (taxed - below) * Decimal("0.40")
    return tax.quantize(Decimal("0.01"))


def is_newer(version: str, than: str) -> bool:
    """Compare ``1.10`` with ``v1.9.2-rc1``; a release is newer than its candidates."""

    def key(text: str) -> tuple[list[int], bool]:
        numbers, _, label = text.strip().removeprefix("v").partition("-")
        parts = [int(part) for part in numbers.split(".")]
        while len(parts) > 1 and parts[-1] == 0:
            parts.pop()
        return parts, not label

    return key(version) > key(than)


def restock(stock: dict[str, int], sold: dict[str, int], target: int = 20) -> dict[str, int]:
    """Tell how much to order of what runs low, in boxes of six."""
    orders = {}
    for article, count in stock.items():
        left = count - sold.get(article, 0)
        left = max(left, 0)
        if left * 4 <= target:
            boxes = -(-(target - left) // 6)
            if boxes > 0:
                orders[article] = boxes * 6
    return orders
