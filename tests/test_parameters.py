"""A control's parameters: what is shared, what is copied, and what a skip says of them."""

from __future__ import annotations

import threading

import pytest

from darkcall import ConfigurationError, configure, launch_of
from darkcall._parameters import Parameters
from darkcall._signatures import signature_of


class Session:
    """What cannot be copied, as a connection or a lock cannot."""

    def __init__(self):
        self.name = "shop"
        self.lock = threading.Lock()


class Shop:
    def __init__(self):
        self.session = Session()
        self.stock = [1]

    def methods_own(self):
        return self


def seen_by_the_candidate(dark, control, *args, **options):
    """Call a control, and give what its candidate was called with."""
    seen = []

    def candidate(*args, **kwargs):
        seen.append((args, kwargs))

    call_kwargs = options.pop("call", {})
    dark(candidate=candidate, **options)(control)(*args, **call_kwargs)
    return seen[0] if seen else None


# What is shared.


@pytest.mark.parametrize(
    "control",
    [
        lambda session, items: None,
        lambda session, /, items: None,
        lambda session, *args: None,
        lambda session, *args, **kwargs: None,
    ],
    ids=range(4),
)
def test_a_parameter_is_shared_by_its_name(dark, control):
    session, items = Session(), [1]
    args, _ = seen_by_the_candidate(dark, control, session, items, share=("session",))
    assert args[0] is session
    assert args[1] == items
    assert args[1] is not items


def test_a_parameter_is_shared_where_it_is_given_by_name(dark):
    session, items = Session(), [1]
    _, kwargs = seen_by_the_candidate(
        dark,
        lambda *, session, items: None,
        share=("session",),
        call={"session": session, "items": items},
    )
    assert kwargs["session"] is session
    assert kwargs["items"] is not items


def test_a_parameter_is_shared_where_it_may_be_any_name(dark):
    session = Session()
    _, kwargs = seen_by_the_candidate(
        dark, lambda **kwargs: None, share=("session",), call={"session": session}
    )
    assert kwargs["session"] is session


def test_a_parameter_is_shared_where_the_control_has_no_signature():
    session = [1]
    parameters = Parameters(None, ("a",))
    assert parameters.shared_values((), {"a": session}) == [session]
    assert parameters.shared_values((session,), {}) == []


def test_all_of_the_rest_is_shared_by_its_name(dark):
    one, other = Session(), Session()
    args, _ = seen_by_the_candidate(
        dark, lambda x, *rest, **names: None, [1], one, other, share=("rest",)
    )
    assert args[1:] == (one, other)


def test_the_name_of_the_rest_by_name_shares_nothing_that_is_given_by_place(dark):
    items = [1]
    args, _ = seen_by_the_candidate(dark, lambda *rest, **names: None, 1, items, share=("names",))
    assert args[1] is not items


def test_a_shared_value_is_shared_wherever_it_occurs(dark):
    session = Session()
    args, _ = seen_by_the_candidate(
        dark, lambda session, held: None, session, {"deep": [session]}, share=("session",)
    )
    assert args[1]["deep"][0] is session is args[0]


def test_an_attribute_is_shared_by_its_path(dark):
    shop = Shop()
    args, _ = seen_by_the_candidate(dark, lambda self: None, shop, share=("self.session",))
    assert args[0] is not shop
    assert args[0].session is shop.session
    assert args[0].stock == [1]
    assert args[0].stock is not shop.stock


def test_an_attribute_that_is_not_there_is_not_shared(dark):
    args, _ = seen_by_the_candidate(dark, lambda self: None, [1], share=("self.session.lock",))
    assert args == ([1],)


def test_a_shared_parameter_that_is_left_out_of_the_call_is_no_matter(dark):
    args, kwargs = seen_by_the_candidate(
        dark, lambda items, session=None: None, [1], share=("session",)
    )
    assert (args, kwargs) == (([1],), {})


def test_a_name_that_is_no_parameter_is_refused(dark):
    with pytest.raises(ConfigurationError) as caught:
        dark(candidate=len, share=("sesion",))(len)
    assert "share='sesion': the control has no parameter 'sesion'" in str(caught.value)
    assert "its parameters are obj" in str(caught.value)
    with pytest.raises(ConfigurationError, match="its parameters are none"):
        dark(candidate=lambda: 0, share=("session.lock",))(lambda: 0)


def test_an_update_to_a_name_that_is_no_parameter_changes_nothing(dark):
    launch = launch_of(dark(candidate=len)(len))
    with pytest.raises(ConfigurationError):
        launch.update(share=("session",), sample=0.0)
    assert launch._terms.policy.share == ()
    assert launch._terms.policy.sample == 1.0


def test_a_default_for_all_names_what_some_controls_have(dark, sink):
    session = Session()
    with_one = dark(candidate=lambda session: True)(lambda session: True)
    without = dark(candidate=lambda: True)(lambda: True)
    with configure(share=("session",)):
        with_one(session)
        without()
    assert [record.outcome for record in sink.records] == ["match", "match"]


# Defaults of parameters.


def test_a_default_that_can_change_is_the_controls_own_state(dark, sink):
    def control(x, seen=[]):  # noqa: B006 -- a shape that there is
        seen.append(x)
        return len(seen)

    def candidate(x, seen=[]):  # noqa: B006 -- as above
        seen.append(x)
        return len(seen)

    decorated = dark(candidate=candidate)(control)
    assert [decorated(1), decorated(2), decorated(3, [])] == [1, 2, 1]
    assert [record.outcome for record in sink.records] == ["match"] * 3
    assert candidate.__defaults__ == ([],)


def test_a_default_that_can_change_is_kept_for_names_too(dark):
    def control(*, a=1, seen=[]):  # noqa: B006 -- a shape that there is
        return None

    _, kwargs = seen_by_the_candidate(dark, control)
    assert kwargs == {"seen": []}
    _, kwargs = seen_by_the_candidate(dark, control, call={"seen": [1]})
    assert kwargs == {"seen": [1]}


# What a skip says.


def reason_of(sink):
    (record,) = sink.records
    assert record.outcome == "skipped"
    return record.reason


def test_a_skip_names_the_parameter_its_type_and_the_way_out(dark, sink):
    dark(candidate=lambda x, session: None)(lambda x, session: None)([1], Session())
    reason = reason_of(sink)
    assert "parameter 'session.lock' (lock) cannot be copied" in reason
    assert "pass share=('session.lock',) if the candidate may have it as it is" in reason
    assert "isolate of your own" in reason


def test_the_way_out_that_a_skip_names_is_one(dark, sink):
    decorated = dark(candidate=lambda x, session: None, share=("session.lock",))(
        lambda x, session: None
    )
    decorated([1], Session())
    assert [record.outcome for record in sink.records] == ["match"]


def test_a_skip_names_the_parameter_itself_if_none_of_its_attributes_is_at_fault(dark, sink):
    lock = threading.Lock()
    dark(candidate=lambda a, lock: None)(lambda a, lock: None)([1], lock)
    assert "parameter 'lock' (lock) cannot be copied" in reason_of(sink)


def test_a_skip_names_an_argument_of_the_rest_as_share_would(dark, sink):
    decorated = dark(candidate=lambda **kwargs: None)(lambda **kwargs: None)
    decorated(a=[1], lock=threading.Lock())
    assert "pass share=('lock',)" in reason_of(sink)
    sink.clear()
    launch_of(decorated).update(share=("lock",))
    decorated(a=[1], lock=threading.Lock())
    decorated = dark(candidate=lambda *args: None)(lambda *args: None)
    decorated([1], threading.Lock())
    assert "pass share=('args',)" in sink.records[1].reason
    launch_of(decorated).update(share=("args",))
    decorated([1], threading.Lock())
    assert [record.outcome for record in sink.records] == ["match", "skipped", "match"]


def test_a_skip_names_what_is_too_large(dark, sink):
    dark(candidate=lambda a, b: None, max_copy_bytes=500)(lambda a, b: None)([1], ["a" * 600])
    reason = reason_of(sink)
    assert "parameter 'b' (list)" in reason
    assert "max_copy_bytes=500" in reason


def test_a_skip_says_so_if_all_together_are_too_large(dark, sink):
    decorated = dark(candidate=lambda a, b: None, max_copy_bytes=500)(lambda a, b: None)
    decorated(["a" * 300], ["b" * 300])
    reason = reason_of(sink)
    assert "the arguments cannot be copied" in reason
    assert "max_copy_bytes=500, which can be raised" in reason


def test_a_skip_names_a_place_where_names_are_not_known(dark, sink):
    dark(candidate=lambda *args: None)(max)([1], [2], threading.Lock(), key=lambda item: 0)
    assert "parameter '2' (lock)" in reason_of(sink)


class Counting:
    copies = 0

    def __reduce__(self):
        type(self).copies += 1
        return Counting, ()


def test_who_could_not_be_copied_the_last_time_is_tried_first_the_next_time(dark, sink):
    decorated = dark(candidate=lambda a, b: None)(lambda a, b: None)
    decorated(Counting(), threading.Lock())
    first, Counting.copies = Counting.copies, 0
    decorated(Counting(), threading.Lock())
    assert Counting.copies < first
    assert ["'b' (lock)" in record.reason for record in sink.records] == [True, True]


def test_another_cause_at_the_next_call_is_found_as_well(dark, sink):
    decorated = dark(candidate=lambda a, b: None, max_copy_bytes=500)(lambda a, b: None)
    decorated([1], ["a" * 600])
    decorated(["a" * 600], [1])
    assert ["'b'" in record.reason for record in sink.records] == [True, False]
    assert "'a'" in sink.records[1].reason


def test_what_is_known_of_ever_new_types_does_not_grow_without_end(dark, sink):
    decorated = dark(candidate=lambda session: None)(lambda session: None)
    for number in range(120):
        made = type(f"Session{number}", (Session,), {"__slots__": ()})
        decorated(made())
    assert len(launch_of(decorated)._parameters._suspects) <= 100
    assert len(sink.records) == 120


def test_a_skip_of_one_parameter_passes_over_those_that_are_shared(dark, sink):
    decorated = dark(candidate=lambda a, b: None, share=("a",))(lambda a, b: None)
    decorated(Session(), threading.Lock())
    assert "parameter 'b' (lock)" in reason_of(sink)


# Names.


@pytest.mark.parametrize(
    ("control", "args", "kwargs", "named"),
    [
        (lambda a, b=2: 0, (1,), {}, {"a": 1}),
        (
            lambda a, *args, **kwargs: 0,
            (1, 2),
            {"c": 3},
            {"a": 1, "args": (2,), "kwargs": {"c": 3}},
        ),
        (lambda a: 0, (1, 2), {"c": 3}, {"0": 1, "1": 2, "c": 3}),
        (max, (1, 2), {"key": 3}, {"0": 1, "1": 2, "key": 3}),
    ],
    ids=range(4),
)
def test_arguments_are_named_by_parameter_or_by_place(control, args, kwargs, named):
    assert Parameters(signature_of(control), ()).named(args, kwargs) == named


class Woken:
    """A proxy of something that is not loaded yet."""

    def __getattribute__(self, name):
        raise AssertionError(name)

    __class__ = property(lambda self: dict)


def test_a_proxy_is_not_woken_while_its_skip_is_explained(dark, sink):
    @dark(candidate=lambda request: 3)
    def control(request):
        return 3

    assert control(Woken()) == 3
    [record] = sink.records
    assert "parameter 'request' (Woken) cannot be copied: it is a proxy" in record.reason
