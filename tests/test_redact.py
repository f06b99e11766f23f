"""Which names and texts count as secrets, and what the user's rules add."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import _guard
from darkcall._errors import ConfigurationError
from darkcall._paths import OtherKey
from darkcall._redact import MARGIN, REDACTED, Redactor, RuleFailedError, escaped


SECRET = "CANARY-7f3a"

SECRET_NAMES = str.split("""
    password passwd pwd passphrase passcode PASSWORD userPassword user-password password1 dbpass
    secret secrets client_secret clientSecret clientsecret _secret_value AWS_SECRET_ACCESS_KEY
    token access_token accessToken refreshtoken id-token X-Auth-Token tokens api_tokens
    api_key apiKey APIKey x-api-key access_key private_key privateKey ssh_key encryption_key
    auth authorization Authorisation Proxy-Authorization basic_auth auth_header oauth bearer jwt
    cookie cookies Cookie Set-Cookie setcookie session sessionid session_id PHPSESSID JSESSIONID
    session_key csrf csrftoken csrfmiddlewaretoken XSRF-TOKEN credential credentials
    credit_card creditCard card_number cardNumber cardno cc_number cvv cvv2 cvc ssn social_security
    pin pin_code card_pin pass db_pass otp totp one_time_code security_code recovery_codes
    connection_string _User__password
""")
PLAIN_NAMES = str.split("""
    author authority authorId tokenizer tokenize max_tokens prompt_tokens token_count token_type
    secretary passenger passport passage bypass boarding_pass compass pinned spin opinion shipping
    cart card card_type postcard cards discard key keys keyboard monkey user_id session_count
    sessions possession possession_id email name value path author_data total price id
""")


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_usual_secret_is_recognised_by_its_name(name):
    assert Redactor().hides((name,))


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_name_that_only_resembles_a_secret_is_shown(name):
    assert not Redactor().hides((name,))


def test_a_secret_name_hides_all_that_lies_in_it():
    assert Redactor().hides(("user", "credentials", 0, "id"))


def test_an_index_is_no_name():
    assert not Redactor(["card"]).hides((0, 1))


def test_a_key_that_is_no_text_counts_by_how_it_is_shown():
    assert Redactor().hides((OtherKey("b'password'"),))
    assert Redactor().hides((OtherKey("('user', 'password')"),))
    assert Redactor().hides((OtherKey("b'session'"),))


@pytest.mark.parametrize("filling", ["x" * 5000 + "_", "xY" * 5000])
def test_a_giant_name_is_looked_at_from_both_ends(filling):
    assert Redactor().hides((filling + "Password",))
    assert Redactor().hides(("password_" + filling,))


@pytest.mark.parametrize("name", ["card", "Card", "CARD", "_card"])
def test_a_bare_name_is_found_at_any_depth_in_any_case(name):
    assert Redactor(["card"]).hides(("a", 0, name))


def test_a_bare_name_of_two_words_is_found_however_they_are_joined():
    redactor = Redactor(["tax-id"])
    assert all(redactor.hides((name,)) for name in ("tax_id", "taxId", "TAX-ID", "tax id"))


def test_a_path_means_its_place_and_what_lies_in_it():
    redactor = Redactor(["$.user.email", "$.lines[*].note"])
    assert redactor.hides(("user", "email"))
    assert redactor.hides(("user", "email", "host"))
    assert redactor.hides(("lines", 3, "note"))
    assert not redactor.hides(("email",))
    assert not redactor.hides(("user",))


def test_the_root_hides_everything():
    assert Redactor(["$"]).hides(())


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ("card", "sequence"),
        (None, "sequence"),
        (7, "sequence"),
        ([7], "7"),
        ([b"card"], "b'card'"),
        (["$.a."], r"\$\.a\."),
        (["two words"], "two words"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_the_value(rules, what):
    with pytest.raises(ConfigurationError, match=what):
        Redactor(rules)


@pytest.mark.parametrize("rules", ["card", None, [7]])
def test_the_refusal_says_what_to_do(rules):
    with pytest.raises(ConfigurationError, match=r'redact=\("card", "\$\.email"\)'):
        Redactor(rules)


def test_what_was_learnt_about_names_does_not_grow_without_end():
    redactor = Redactor()
    for number in range(10_000):
        redactor.hides((f"name{number}",))
    assert len(redactor._known) <= 4096


def test_a_callable_is_given_the_path_and_the_value():
    seen = []
    redactor = Redactor([lambda path, value: seen.append((path, value)) or value])
    assert redactor.asks
    assert redactor.shown(("a", 0), 7) == 7
    assert seen == [("$.a[0]", 7)]


def test_callables_follow_each_other():
    redactor = Redactor([lambda _path, value: value + 1, lambda _path, value: value * 10])
    assert redactor.shown((), 1) == 20


@pytest.mark.parametrize("error", [ValueError(SECRET), SystemExit(1), GeneratorExit()])
def test_a_callable_that_raises_is_counted_as_a_fault(error):
    def rule(_path, _value):
        raise error

    before = _guard.faults.value
    with pytest.raises(RuleFailedError) as caught:
        Redactor([rule]).shown((), 1)
    assert _guard.faults.value == before + 1
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_interrupt_passes_on_the_main_thread_and_nowhere_else():
    def rule(_path, _value):
        raise KeyboardInterrupt

    redactor = Redactor([rule])
    with pytest.raises(KeyboardInterrupt):
        redactor.shown((), 1)
    caught = []

    def work():
        try:
            redactor.shown((), 1)
        except RuleFailedError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(caught) == 1


TEXTS = [
    "password=CANARY-7f3a",
    "password = CANARY-7f3a",
    "PASSWORD:CANARY-7f3a",
    "password: correct CANARY-7f3a staple",
    "password := 'CANARY-7f3a'",
    "password => 'CANARY-7f3a'",
    "password == CANARY-7f3a",
    "User(name='ann', password='CANARY-7f3a')",
    "User(name='ann', password=b'x CANARY-7f3a')",
    "User(name='ann', password='a\\'b CANARY-7f3a')",
    "User(password='it's CANARY-7f3a')",
    "User(password='''it's a 'CANARY-7f3a' b''')",
    "User(token=Token(kind='x', value=['CANARY-7f3a']))",
    "User(token=<Token 'CANARY-7f3a'>, id=3)",
    "auth=(a -> b, 'CANARY-7f3a')",
    "auth=('a)', 'CANARY-7f3a')",
    "auth=['a\\' ]', 'CANARY-7f3a']",
    "auth=[a\\, 'CANARY-7f3a']",
    "auth=('it, CANARY-7f3a",
    '{"token": "CANARY-7f3a"}',
    '{"token": "a\\"b CANARY-7f3a", "id": 7}',
    '{"token": {"a": [1, 2], "b": "CANARY-7f3a"}}',
    '{"token":"CANARY-7f3a',
    '{"token":"CANARY-7f3a\\',
    "{'token': u'CANARY-7f3a'}",
    r'"{\"token\": \"CANARY-7f3a\"}"',
    r'"{\"token\": \"a\\\"b CANARY-7f3a\", \"id\": 7}"',
    r'"{\"token\": \"CANARY-7f3a',
    '{"url": "https://x?token=abc","password": "a CANARY-7f3a"}',
    "token: abc, password: 'a CANARY-7f3a'",
    "b'password=CANARY-7f3a'",
    "settings['password'] = 'CANARY-7f3a'",
    'settings["api_key"]="CANARY-7f3a"',
    "Authorization: Bearer CANARY-7f3a",
    "Authorization: Basic dXNlcjpDQU5BUlktN2YzYQ== CANARY-7f3a",
    "authorization: Digest username=x, response=CANARY-7f3a",
    "Cookie: a=b; c=CANARY-7f3a",
    "Set-Cookie: sid=CANARY-7f3a; Path=/",
    "failed with Bearer CANARY-7f3a",
    "failed with bearer CANARY-7f3a",
    "https://user:CANARY-7f3a@host/x",
    "https://user:p@CANARY-7f3a@host/x",
    "https://CANARY-7f3a@host/x",
    "postgresql+psycopg://user:CANARY-7f3a@db:5432/shop",
    "https://host/x?token=CANARY-7f3a&b=2",
    "https://host/x?a=1&access_token=CANARY-7f3a#top",
    "Server=db;Password=CANARY-7f3a;Database=shop",
    "run --password CANARY-7f3a --verbose",
    "run --password=CANARY-7f3a --verbose",
    "run --api-key 'x CANARY-7f3a'",
    "-----BEGIN RSA PRIVATE KEY-----\nCANARY-7f3a\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\\nCANARY-7f3a",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nCANARY-7f3a",
    "eyJhbGciOiJIUzI1NiJ9.CANARY-7f3a.x",
    "key sk-live-CANARY-7f3a-0123456789 refused",
    "user.password=CANARY-7f3a",
    "----password=CANARY-7f3a",
    "1password=CANARY-7f3a",
    "password=token=CANARY-7f3a",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_in_free_text_is_hidden(text):
    shown = Redactor().text(text)
    assert "CANARY" not in shown
    assert "7f3a" not in shown
    assert REDACTED in shown


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("limit", [30, 1000])
def test_no_half_of_a_secret_is_left_where_a_text_is_cut(text, limit):
    padding = "x " * limit
    for begin in range(len(text) + 1):
        shown = Redactor().text(padding[: limit - begin] + " " + text, limit)
        assert "CAN" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefgh",
        "sk_live_0123456789abcdef",
        "glpat-0123456789abcdefghij",
        "AIza" + "x" * 35,
        "Basic dXNlcjpwYXNz",
    ],
)
def test_what_looks_like_an_issued_key_is_hidden(text):
    assert Redactor().text(f"got {text}") == "got [redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "no such card",
        "12:30:01 total=3, user: ann",
        "http://localhost:8080/x?a=1",
        "Basic authentication failed",
        "bearer token expired",
        "author=ann, tokenizer=bpe",
        "a-b-c: d--e --flag value",
        "ann@example.com",
        "task-sk-x",
        "password=",
        "password",
        "--password",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert Redactor().text(text) == text


def test_redacted_text_stays_as_it_is():
    text = Redactor().text("password=x token='y' https://u:p@h/")
    assert Redactor().text(text) == text


def test_a_users_names_are_found_in_text_too():
    redactor = Redactor(["card", "$.user.email", "$.notes[*]"])
    assert redactor.text("Card=4111 email='a@b' notes=['x'] user=ann") == (
        "Card=[redacted] email=[redacted] notes=[redacted] user=ann"
    )


def test_text_around_a_secret_is_kept():
    text = "User(id=3, password='x', name='ann') at https://u:p@host/a"
    assert Redactor().text(text) == (
        "User(id=3, password=[redacted], name='ann') at https://[redacted]@host/a"
    )


def test_a_long_text_is_cut_and_says_so():
    assert Redactor().text("x" * 3000) == "x" * 2000 + "... (3000 characters)"


def test_an_address_whose_end_lies_beyond_the_margin_is_hidden():
    text = "https://user:" + SECRET * MARGIN + "@host"
    assert "CANARY" not in Redactor().text(text, limit=100)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "\x1b[31m", "\x9b31m", "\u202eabc", "a\u2028b", "\x00", "\ud800"]
)
def test_what_could_forge_a_line_is_escaped(text):
    shown = escaped(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_ordinary_letters_are_not_escaped():
    assert escaped("naïve 日本\n") == "naïve 日本\\n"


PIECES = [
    "a",
    "a-",
    "a:",
    "-",
    "--a ",
    "\\",
    " ",
    "\n",
    "eyJ",
    "://a",
    "://",
    "Bearer ",
    "basic ",
    "{",
    "'",
    "password=",
    "password=[",
    "password=(<",
    "password='",
    'password=\\"',
    "password: ",
    "token \t",
    '"token": ',
    "token=token:",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY",
    "sk-",
    "=",
    "password=\\",
    "password='''",
    "A1",
    "aB",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("prefix", ["", "password=", "password=(", "basic"])
def test_no_text_takes_long(prefix, piece):
    text = prefix + piece * (100_000 // len(piece))
    redactor = Redactor(["card"])
    began = time.process_time()
    redactor.scrub(text, len(text))
    assert time.process_time() - began < 1.0


def test_no_more_of_a_giant_text_is_read_than_is_shown():
    text = "password=x; " * 10_000_000
    began = time.process_time()
    Redactor().text(text)
    assert time.process_time() - began < 0.2


def test_a_mark_that_seems_to_end_a_secret_does_not_hide_the_name_of_the_next():
    assert "CANARY" not in Redactor().text('password=" password": "CANARY"')


@given(
    st.lists(st.sampled_from([*PIECES, "x", "]", ")", '"', ",", ";", "&", "@", "/"])),
    st.sampled_from(["password", "token", "api_key"]),
    st.sampled_from(["='CANARY'", '="CANARY"', "=CANARY", ": CANARY", '": "CANARY"', "=[CANARY]"]),
)
def test_no_text_before_a_secret_keeps_it_from_being_found(before, name, rest):
    text = "".join(before) + " " + name + rest
    assert "CANARY" not in Redactor().scrub(text, len(text))


@given(st.text(), st.integers(0, 20))
def test_any_text_becomes_one_printable_line(text, limit):
    shown = Redactor().text(text, limit)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_an_async_rule_is_refused():
    async def hide(path, value):
        return value

    with pytest.raises(ConfigurationError, match="is no rule of redact"):
        Redactor([hide])
