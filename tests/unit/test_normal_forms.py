"""Normal forms: every accepted spelling of an id is one id, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neo_routing import Channel, EndCompany, SessionRequest, normal_bot_id, normal_m365_tenant_id
from neo_routing.normal_forms import WIRE_PREFIXES, is_usable

GUID = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
BARE = "6f0c2e7a51b84d0c9a3e7d1f2b3c4d5e"

EVERY_CHARACTER = [chr(code) for code in range(0x20000)]
"""Of the two planes that hold all white space and all letters that have a case."""

BOTH = {
    # GUIDs
    GUID: GUID,
    BARE: GUID,
    GUID.upper(): GUID,
    BARE.upper(): GUID,
    "6F0c2E7a51B84d0C9a3E7d1F2b3C4d5E": GUID,
    f"{{{GUID}}}": GUID,
    f"{{{BARE.upper()}}}": GUID,
    f" \t{GUID}\r\n": GUID,
    f"{{ {GUID} }}": GUID,
    f" {{\n{{ {{{BARE}}} }}\x0b}}\x0c": GUID,
    f"\u00a0\u1680\u2000\u2028\u202f\u3000{GUID}\x85\x1c\x1d\x1e\x1f": GUID,
    # hyphens, wherever they stand
    "6f0c2e7a-51b84d0c9a3e7d1f2b3c4d5e": GUID,
    "6F0C2E7A51B8-4D0C-9A3E-7D1F2B3C4D5E": GUID,
    "6F0C2E7A5-1B8-4D0C-9A3E-7D1F2B3C4D5E": GUID,
    "6F0C2E7A--51B8-4D0C9A3E-7D1F2B3C4D5E": GUID,
    f"-{BARE}": GUID,
    f"{BARE}-": GUID,
    f"{{--{'-'.join(BARE)}---}}": GUID,
    # not GUIDs
    f"{BARE}0": f"{BARE}0",
    BARE[:-1]: BARE[:-1],
    f"{GUID}\n0": f"{GUID}\n0",
    BARE[:-12]: BARE[:-12],
    f"{BARE}{BARE[-12:]}": f"{BARE}{BARE[-12:]}",
    f"urn:uuid:{GUID}": f"urn:uuid:{GUID}",
    f"G{BARE[1:]}": f"g{BARE[1:]}",
    f"\uff16{BARE[1:]}": f"\uff16{BARE[1:]}",
    f"\u0666{BARE[1:]}": f"\u0666{BARE[1:]}",
    BARE.replace("a", "\uff21"): BARE.replace("a", "\uff21"),
    GUID.replace("-", "\u2010"): GUID.replace("-", "\u2010"),
    GUID.replace("-", "_"): GUID.replace("-", "_"),
    f"0x{BARE}": f"0x{BARE}",
    f"{BARE[:16]} {BARE[16:]}": f"{BARE[:16]} {BARE[16:]}",
    # wrapped on one side alone
    "{desk": "{desk",
    "desk}": "desk}",
    "{desk~": "{desk~",
    "{desk|": "{desk|",
    "z desk}": "z desk}",
    "~desk}": "~desk}",
    "|desk}": "|desk}",
    # names
    "Contoso.Example": "contoso.example",
    " { Contoso.Example } ": "contoso.example",
    "Help Desk": "help desk",
    "ABCXYZabcxyz@[`{09": "abcxyzabcxyz@[`{09",
    "\u0130stanbul": "\u0130stanbul",
    "\u212aELVIN": "\u212aelvin",
    "\u00c0\u0391\u0410\u1e9e\uff21": "\u00c0\u0391\u0410\u1e9e\uff21",
    "STRASSE stra\u00dfe": "strasse stra\u00dfe",
    "\u200bX\ufeff": "\u200bx\ufeff",
    # wrapping that is no pair
    "{": "{",
    "}": "}",
    "}{": "}{",
    "{X": "{x",
    "X}": "x}",
    "{X}}": "x}",
    "{{X}": "{x",
    "(X)": "(x)",
    "\uff5bX\uff5d": "\uff5bx\uff5d",
    "{A}{B}": "a}{b",
    # nothing left
    "": "",
    " \t\u3000": "",
    "{}": "",
    " { {} } ": "",
    # what may not come in is no reason to fail
    "\0X\0": "\0x\0",
    "\ud800X": "\ud800x",
}

BOT_ONLY = {
    f"28:{GUID}": GUID,
    f"28:28:{BARE.upper()}": GUID,
    f"{{28:{GUID}}}": GUID,
    f"28:{{{GUID}}}": GUID,
    f" 28: {{ 28:\t{{{BARE}}} }} ": GUID,
    "28:HelpDesk": "helpdesk",
    f"28:orgid:{GUID}": GUID,
    f"28:ORGID:{GUID}": GUID,
    f"28:gcch:{GUID}": GUID,
    f"28:gcch-global:{GUID}": GUID,
    f"28:GccH-Global:{BARE}": GUID,
    f"28:dod:{GUID}": GUID,
    f"28:dod-global:{GUID}": GUID,
    f"28:dod: {{28:orgid:28:{GUID}}}": GUID,
    "28:orgid:": "",
    "28:orgid": "orgid",
    "28:gcch-globals:x": "gcch-globals:x",
    "28:orgid:orgid:x": "orgid:x",
    "orgid:x": "orgid:x",
    "28:\u0131rgid:x": "\u0131rgid:x",
    "28:gcch-g\u017fobal:x": "gcch-g\u017fobal:x",
    "8:orgid:X": "8:orgid:x",
    "28:": "",
    "28: { 28: }": "",
    "28:28:28:": "",
    "28 :X": "28 :x",
    "28X": "28x",
    "29:X": "29:x",
    "028:X": "028:x",
    "X28:": "x28:",
    "28\uff1aX": "28\uff1ax",
    "\uff12\uff18:X": "\uff12\uff18:x",
    "{28:X": "{28:x",
}

M365_ONLY = {
    f"28:{GUID.upper()}": f"28:{GUID}",
    f"28:{BARE}": f"28:{BARE}",
    "28:": "28:",
    "{28:}": "28:",
    "{28:{X}}": "28:{x}",
}


@pytest.mark.parametrize(("spelling", "normal"), [*BOTH.items(), *BOT_ONLY.items()], ids=ascii)
def test_a_bot_id_has_this_normal_form(spelling: str, normal: str) -> None:
    assert normal_bot_id(spelling) == normal
    assert normal_bot_id(normal) == normal


@pytest.mark.parametrize(("spelling", "normal"), [*BOTH.items(), *M365_ONLY.items()], ids=ascii)
def test_an_m365_tenant_id_has_this_normal_form(spelling: str, normal: str) -> None:
    assert normal_m365_tenant_id(spelling) == normal
    assert normal_m365_tenant_id(normal) == normal


def test_every_white_space_character_and_no_other_comes_off_both_ends() -> None:
    for character in EVERY_CHARACTER:
        if character.isspace():
            assert normal_bot_id(f"{character}x{character}") == "x"
        elif character not in "{}":
            assert normal_bot_id(f"{character}x")[0] in (character, character.lower())
            assert len(normal_m365_tenant_id(f"x{character}")) == 2


def test_only_the_letters_of_ascii_change_case() -> None:
    for character in EVERY_CHARACTER:
        if character.isspace():
            continue
        expected = character.lower() if "A" <= character <= "Z" else character
        assert normal_m365_tenant_id(f".{character}.") == f".{expected}."


# Against a second implementation

CLOUDS = ("gcch-global", "dod-global", "orgid", "gcch", "dod")
PREFIXES = ("28:", *(f"28:{cloud}:" for cloud in CLOUDS))


def by_pointers(spelling: str, prefixes: tuple[str, ...]) -> str:
    """Find the normal form in another way: two pointers that close in, and arithmetic on characters."""
    start, end = 0, len(spelling)
    while start < end:
        if spelling[start].isspace():
            start += 1
        elif spelling[end - 1].isspace():
            end -= 1
        elif end - start > 1 and (spelling[start], spelling[end - 1]) == ("{", "}"):
            start, end = start + 1, end - 1
        elif fitting := [len(each) for each in prefixes if spelling[start:end].upper().startswith(each.upper())]:
            start += max(fitting)
        else:
            break
    name = "".join(chr(ord(letter) | 32) if 65 <= ord(letter) <= 90 else letter for letter in spelling[start:end])
    digits = "".join(letter for letter in name if letter != "-")
    if len(digits) == 32 and set(digits) <= set("0123456789abcdef"):
        return str(UUID(int=int(digits, 16)))
    return name


any_text = st.text(st.characters(exclude_categories=()), max_size=20)
near_misses = st.text(st.sampled_from("{}{}28: \t\u00a0\u3000-aAfFgGzZ09\u0130\u212a\uff16\u200b\ud800\0"), max_size=50)
pieces = st.sampled_from(
    ["{", "}", "28:", "2", "8", ":", " ", "\u2003", GUID, BARE, BARE.upper(), BARE[:8], "-", "x"]
    + [f"28:{cloud}:" for cloud in (*CLOUDS, *map(str.upper, CLOUDS))]
)
spellings = any_text | near_misses | st.lists(pieces, max_size=9).map("".join)


@given(spellings)
@example("{28:}")
@example("28:{")
def test_a_second_implementation_finds_the_same_normal_forms(spelling: str) -> None:
    assert normal_bot_id(spelling) == by_pointers(spelling, PREFIXES)
    assert normal_m365_tenant_id(spelling) == by_pointers(spelling, ())


@pytest.mark.parametrize("normal_form", [normal_bot_id, normal_m365_tenant_id])
@given(spelling=spellings)
def test_normalising_twice_is_normalising_once(normal_form: Callable[[str], str], spelling: str) -> None:
    once = normal_form(spelling)
    assert normal_form(once) == once


white_space = st.text(st.sampled_from(" \t\r\n\x0b\x0c\x1c\x1f\x85\u00a0\u2003\u2029\u3000"), max_size=3)


def wrappings(*more: Callable[[str], str]) -> st.SearchStrategy[Callable[[str], str]]:
    """Return one layer of what may stand around an id."""
    padded = st.builds(lambda left, right: lambda text: left + text + right, white_space, white_space)
    return st.one_of(padded, st.sampled_from([lambda text: f"{{{text}}}", *more]))


def spelled(guid: UUID, upper: list[bool], hyphens: list[int]) -> str:
    letters = (letter.upper() if up else letter for letter, up in zip(guid.hex, upper * 6, strict=False))
    return "".join("-" * hyphens.count(place) + letter for place, letter in enumerate(letters))


places = st.sampled_from([[8, 12, 16, 20], []]) | st.lists(st.integers(0, 31), max_size=9)
guids = st.builds(spelled, st.just(UUID(GUID)), st.lists(st.booleans(), min_size=6, max_size=6), places)
prefixes = [lambda text, prefix=prefix: f"{prefix}{text}" for prefix in (*PREFIXES, *map(str.upper, PREFIXES))]


@given(guids, st.lists(wrappings(*prefixes), max_size=6))
def test_every_accepted_spelling_of_a_bot_id_is_the_same_bot(guid: str, layers: list[Callable[[str], str]]) -> None:
    spelling = reduce(lambda text, layer: layer(text), layers, guid)
    assert normal_bot_id(spelling) == GUID
    assert SessionRequest(bot_id=spelling).bot_id == GUID
    assert Channel(id="ch", tenant_id="msp", agent_id=1, bot_id=spelling).bot_id == GUID


@given(guids, st.lists(wrappings(), max_size=6))
def test_every_accepted_spelling_of_an_m365_tenant_id_is_the_same_tenant(
    guid: str, layers: list[Callable[[str], str]]
) -> None:
    spelling = reduce(lambda text, layer: layer(text), layers, guid)
    ids: Any = [spelling, GUID]
    assert normal_m365_tenant_id(spelling) == GUID
    assert SessionRequest(m365_tenant_id=spelling).m365_tenant_id == GUID
    assert EndCompany(id="co", tenant_id="msp", m365_tenant_ids=ids).m365_tenant_ids == {GUID}
    channel = Channel(id="ch", tenant_id="msp", agent_id=1, bot_id="x", installed_m365_tenant_ids=ids)
    assert channel.installed_m365_tenant_ids == {GUID}


@given(st.uuids(), st.uuids(), st.lists(wrappings(*prefixes), max_size=4))
def test_two_guids_never_become_one_bot(one: UUID, other: UUID, layers: list[Callable[[str], str]]) -> None:
    wrapped = [reduce(lambda text, layer: layer(text), layers, guid.hex) for guid in (one, other)]
    assert (normal_bot_id(wrapped[0]) == normal_bot_id(wrapped[1])) is (one == other)


# What can be an id


def test_an_id_holds_small_letters_digits_hyphens_dots_and_underscores_of_ascii_and_nothing_else() -> None:
    usable = {character for character in EVERY_CHARACTER if is_usable(f"a{character}") and is_usable(character)}
    assert usable == set("abcdefghijklmnopqrstuvwxyz0123456789-._")
    assert not is_usable("")
    assert not is_usable("a\n")


class Disguised(str):
    """Says that it is equal to another text, and hashes like that."""

    __slots__ = ("claimed",)

    claimed: str

    def __hash__(self) -> int:
        return hash(self.claimed)

    def __eq__(self, other: object) -> bool:
        return other == self.claimed


def disguised(text: str, claimed: str) -> Disguised:
    spelling = Disguised(text)
    spelling.claimed = claimed
    return spelling


@pytest.mark.parametrize("normal_form", [normal_bot_id, normal_m365_tenant_id])
def test_no_class_of_text_can_poison_what_is_remembered(normal_form: Callable[[str], str]) -> None:
    first = f"poisoned-{normal_form.__name__}"
    assert normal_form(disguised("ATTACK", first)) == "attack"
    assert normal_form(first) == first
    assert normal_form(disguised("ATTACK", first)) == "attack"
    assert SessionRequest(bot_id=disguised("ATTACK", first)).bot_id == "attack"
    assert SessionRequest(bot_id=first).bot_id == first


@pytest.mark.parametrize("normal_form", [normal_bot_id, normal_m365_tenant_id])
def test_what_is_no_text_has_no_normal_form(normal_form: Any) -> None:
    for value in (None, 28, b"28:x", ["x"]):
        with pytest.raises(ValueError, match=r"^must be a string$"):
            normal_form(value)


@pytest.mark.parametrize("prefix", [each for each in WIRE_PREFIXES if each != "28:"])
def test_a_prefix_of_a_cloud_ends_in_its_one_colon(prefix: str) -> None:
    after_28 = prefix.removeprefix("28:")
    assert normal_bot_id(f"{prefix}bot") == "bot"
    assert normal_bot_id(f"{prefix[:-1]}bot") == f"{after_28[:-1]}bot"
    assert normal_bot_id(f"{prefix}:bot") == ":bot"
