"""More functions as applications have them.

They were written after the strategies of ``darkcall.testing`` had been weighed on those of
``functions.py``: what is found of their mutants says more about the code of others.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Literal


def letter_grade(points: float, bonus: float = 0.0) -> str:
    total = points + bonus
    if total < 0 or total > 100:
        raise ValueError(f"points: {total}")
    if total >= 90:
        return "A"
    if total >= 75.5:
        return "B"
    if total >= 60:
        return "C"
    return "F"


def parse_ranges(text: str) -> list[int]:
    numbers: list[int] = []
    for piece in text.split(","):
        part = piece.strip()
        if not part:
            continue
        first, dash, last = part.partition("-")
        if dash:
            numbers.extend(range(int(first), int(last) + 1))
        else:
            numbers.append(int(first))
    return sorted(set(numbers))


def mask(value: str, keep: int = 4, fill: Literal["*", "#"] = "*") -> str:
    if keep < 0:
        raise ValueError("keep")
    if len(value) <= keep:
        return fill * len(value)
    hidden = len(value) - keep
    return fill * hidden + value[hidden:]


def retry_delay(attempt: int, base: float = 0.5, cap: float = 30.0) -> float:
    if attempt < 1:
        return 0.0
    if attempt > 16:
        return cap
    return min(cap, base * 2 ** (attempt - 1))


@dataclasses.dataclass(frozen=True)
class Booking:
    start: int
    end: int
    guests: int = 2
    room: str = "single"


def booking_problems(booking: Booking, others: list[Booking]) -> list[str]:
    problems = []
    if booking.end <= booking.start:
        problems.append("ends before it starts")
    if booking.end - booking.start > 28:
        problems.append("longer than 28 nights")
    limit = 1 if booking.room == "single" else 4
    if booking.guests < 1 or booking.guests > limit:
        problems.append("guests")
    for other in others:
        if other.room == booking.room and other.start < booking.end and booking.start < other.end:
            problems.append("taken")
            break
    return problems


def wrap_index(position: int, size: int) -> int:
    if size <= 0:
        return -1
    if position >= size:
        return position % size
    if position < 0:
        return size - 1 - (-position - 1) % size
    return position


def days_until(today: date, month: int, day: int) -> int:
    if month == 2 and day == 29:
        day = 28
    target = date(today.year, month, day)
    if target < today:
        target = date(today.year + 1, month, day)
    return (target - today).days


def caesar(text: str, shift: int = 13) -> str:
    result = ""
    for letter in text:
        if "a" <= letter <= "z":
            result += chr((ord(letter) - 97 + shift) % 26 + 97)
        elif "A" <= letter <= "Z":
            result += chr((ord(letter) - 65 + shift) % 26 + 65)
        else:
            result += letter
    return result
