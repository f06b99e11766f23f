"""Which hostile values to try, and with which launch: plain data, drawn by hypothesis or evenly."""

from __future__ import annotations

from hypothesis import strategies as st

from gauntlet import hostile


#: The launches of a host, by what they are set to.
KNOBS = ("context", "default", "everything", "rules", "shared")


def _evil(draw_behaviours, names):
    return st.tuples(
        st.just("evil"),
        st.sampled_from(hostile.BASES[:-1]),
        st.lists(st.tuples(st.sampled_from(names), draw_behaviours), min_size=1, max_size=3),
        st.booleans(),
    )


evil = _evil(st.sampled_from(hostile.ANYWHERE), (*hostile.ON_WORKERS, *hostile.ON_CALLERS)) | _evil(
    st.sampled_from((*hostile.ANYWHERE, hostile.exit_at_once)), hostile.ON_WORKERS
)
leaves = st.one_of(
    st.tuples(st.just("leaf"), st.sampled_from(sorted(hostile.LEAVES))),
    st.tuples(
        st.just("plain"),
        st.one_of(
            st.integers(),
            st.floats(),
            st.text(max_size=20),
            st.text(alphabet=hostile.EVIL_TEXT, max_size=5),
            st.binary(max_size=20),
        ),
    ),
    evil,
)
node = st.tuples(
    st.just("node"),
    st.sampled_from(sorted(hostile.CONTAINERS)),
    st.lists(leaves | st.integers(0, 9), max_size=5),
)
#: Nodes, each with what it holds: leaves, and other nodes by number.
graphs = st.tuples(leaves) | st.lists(node, min_size=1, max_size=8)


WAYS = ("the same", "the argument", "another", "raises")

plans = st.fixed_dictionaries(
    {
        "knobs": st.sampled_from(KNOBS),
        "argument": graphs,
        "result": graphs,
        "raises": st.booleans(),
        "candidate": st.sampled_from(WAYS),
        "other": graphs,
        # Tracing memory takes its time, so it is done now and then, and time is not measured.
        "is_traced": st.sampled_from([False, False, False, True]),
    }
)


def random_plan(rng):
    """Draw a plan evenly: hypothesis, which shows what is small, hardly joins what is rare."""
    return {
        "knobs": rng.choice(KNOBS),
        **{name: random_graph(rng) for name in ("argument", "result", "other")},
        "raises": rng.random() < 0.2,
        "candidate": rng.choice(WAYS),
        "is_traced": rng.random() < 0.1,
    }


def random_graph(rng):
    if rng.random() < 0.4:
        return [random_leaf(rng)]
    return [
        (
            "node",
            rng.choice(sorted(hostile.CONTAINERS)),
            [rng.choice([random_leaf(rng), rng.randrange(10)]) for _ in range(rng.randrange(6))],
        )
        for _ in range(rng.randint(1, 8))
    ]


def random_leaf(rng):
    if rng.random() < 0.4:
        return ("leaf", rng.choice(sorted(hostile.LEAVES)))
    names = (*hostile.ON_WORKERS, *hostile.ON_CALLERS)
    behaviours = [
        (rng.choice(names), rng.choice(hostile.ANYWHERE)) for _ in range(rng.randint(1, 4))
    ]
    return ("evil", rng.choice(hostile.BASES[:-1]), behaviours, rng.random() < 0.2)
