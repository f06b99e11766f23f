"""Under gevent's monkey patches: candidates run in native threads, and greenlets go on."""

from __future__ import annotations

import pytest

from green import PATCHED, run_green


COMPUTES = """
    def compute(x):
        ends = time.perf_counter() + x
        while time.perf_counter() < ends:
            pass
        return x

    call = launched(compute)
    longest = []
    # The best of four: the machine may have kept the candidate from its core, which then
    # held the interpreter's lock for longer.
    for _ in range(4):
        with Ticker() as stalls:
            call(1.0)
            is_done = flush(3.0)
        longest.append(stalls.longest)
        if longest[-1] < 0.1:
            break
    answer(stall=min(longest), rounds=len(longest), is_done=is_done, outcomes=outcomes())
"""


@pytest.mark.parametrize("patched", PATCHED)
def test_greenlets_hardly_stall_while_a_candidate_computes(run_script, measured, patched):
    ran = run_green(run_script, COMPUTES, patched).answer

    measured(
        "longest stall of greenlets while a candidate computes for 1 s, gevent patched "
        f"{patched}, milliseconds",
        ran["stall"] * 1000,
        at_most=100,
    )
    assert ran["is_done"]
    assert ran["outcomes"] == {"match": ran["rounds"]}


TIMEOUTS = """
    release = threading.Event()

    def hang(x):
        while not release.is_set():
            time.sleep(0.01)
        return x

    def measure(act):
        with Ticker() as stalls:
            began = time.perf_counter()
            result = act()
            seconds = time.perf_counter() - began
        return result, seconds, stalls.longest

    def used():
        return {
            "threads": len(os.listdir("/proc/self/task")),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "known to threading": len(threading._active),
        }

    call = launched(hang, timeout=0.05, max_stuck=40)
    still = launched(hang, timeout=None)
    still(0)
    untrue, short, stall = measure(lambda: flush(0.3))
    release.set()
    assert flush(2.0)
    release.clear()
    gevent.sleep(0.1)
    before = used()
    for _ in range(20):
        call(1)
    true, long, stall_2 = measure(lambda: flush(5.0))
    at_most = used()
    release.set()
    ends = time.perf_counter() + 5.0
    while used()["threads"] > before["threads"] and time.perf_counter() < ends:
        gevent.sleep(0.01)
    after = used()
    answer(
        untrue=untrue, short=short, true=true, stall=max(stall, stall_2), outcomes=outcomes(),
        late=launch_of(call).stats().candidates["candidate"].late,
        before=before, at_most=at_most, after=after,
    )
"""


@pytest.mark.parametrize("patched", ["first", "after calls"])
def test_greenlets_go_on_while_one_of_them_flushes(run_script, measured, patched):
    ran = run_green(run_script, TIMEOUTS, patched).answer

    measured(
        f"longest stall of greenlets while one flushes, gevent patched {patched}, milliseconds",
        ran["stall"] * 1000,
        at_most=100,
    )
    assert (ran["untrue"], ran["true"]) == (False, True)
    assert ran["short"] <= 0.3 + 0.3
    assert ran["outcomes"] == {"match": 1, "timeout": 20}
    assert ran["late"] == 20
    assert ran["at_most"]["threads"] >= ran["before"]["threads"] + 20
    measured(
        f"descriptors that 20 abandoned workers leave behind, gevent patched {patched}",
        ran["after"]["descriptors"] - ran["before"]["descriptors"],
        at_most=0,
    )
    assert ran["after"]["threads"] <= ran["before"]["threads"]
    assert ran["after"]["known to threading"] <= ran["before"]["known to threading"]


USES = """
    import logging, socket
    from gevent.server import StreamServer

    logging.basicConfig(filename=sys.argv[2])
    log = logging.getLogger("shop")
    lock, first = threading.Lock(), threading.Event()
    counted = 0

    def echo(connection, _address):
        connection.sendall(connection.recv(10))

    server = StreamServer(("127.0.0.1", 0), echo)
    server.start()

    def candidate(x):
        global counted
        time.sleep(0.001)
        gevent.sleep(0.001)
        assert gevent.spawn(lambda: x).get() == x
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(b"hello")
            assert connection.recv(10) == b"hello"
        for _ in range(20):
            with lock:
                seen = counted
                time.sleep(0)
                counted = seen + 1
            log.error("candidate")
        first.set()
        return x

    def control(x):
        global counted
        for _ in range(20):
            with lock:
                seen = counted
                gevent.sleep(0)
                counted = seen + 1
            log.error("control")
        return x

    call = launched(candidate, control, share=["x"])
    with Ticker() as stalls:
        callers = [gevent.spawn(lambda: [call(n) for n in range(5)]) for _ in range(4)]
        gevent.joinall(callers, timeout=10.0)
        is_set = first.wait(10.0)
        is_done = flush(5.0)
    lines = collections.Counter(open(sys.argv[2]).read().split())
    server.stop()
    answer(
        is_done=is_done, outcomes=outcomes(), counted=counted, is_set=is_set,
        lines=[lines["ERROR:shop:candidate"], lines["ERROR:shop:control"]],
        stall=stalls.longest, reasons=launch_of(call).stats().candidates["candidate"].reasons,
    )
"""


@pytest.mark.parametrize("patched", ["first", "after calls"])
def test_candidates_wait_by_gevent_and_share_locks_with_greenlets(
    run_script, measured, tmp_path, patched
):
    ran = run_green(run_script, USES, patched, tmp_path / "log").answer

    assert ran["is_done"]
    assert ran["outcomes"] == {"match": 20}
    assert ran["counted"] == 2 * 20 * 20
    assert ran["is_set"]
    assert ran["lines"] == [400, 400]
    measured(
        f"longest stall of greenlets beside candidates that share locks, gevent patched {patched}, "
        "milliseconds",
        ran["stall"] * 1000,
        at_most=100,
    )


KILLS = """
    ended = []

    def control(x):
        gevent.sleep(x)
        ended.append(x)
        return x

    def sampler(call):
        if call.args == (2,):
            gevent.sleep(10)
        return True

    call = launched(lambda x: x, control, sample=sampler)
    greenlets = [gevent.spawn(call, x) for x in (0.01, 0.02, 10, 10, 2)]
    gevent.joinall(greenlets, timeout=0.2)
    gevent.killall(greenlets)
    is_done = flush(2.0)
    stats = launch_of(call).stats()
    answer(
        is_done=is_done, ended=ended, killed=[repr(one.value) for one in greenlets[2:]],
        calls=stats.calls, shadowed=stats.shadowed, unsampled=stats.unsampled,
        outcomes=dict(stats.candidates["candidate"].outcomes),
    )
"""


def test_a_greenlet_that_is_killed_inside_a_call_ends_and_the_counts_hold(run_script):
    ran = run_green(run_script, KILLS).answer

    assert ran["is_done"]
    assert ran["ended"] == [0.01, 0.02]
    assert ran["killed"] == ["GreenletExit()"] * 3
    assert ran["outcomes"]["match"] == 2
    assert ran["outcomes"]["skipped"] == 2
    # The one that was killed in its sampler was no call yet.
    assert ran["calls"] == ran["shadowed"] == 4
    assert ran["unsampled"] == 0


BLOCKS = """
    def slow(x):
        time.sleep(0.02)
        return x

    call = launched(slow, when_full="block", max_pending=2)
    with Ticker() as stalls:
        callers = [gevent.spawn(lambda: [call(n) for n in range(5)]) for _ in range(4)]
        gevent.joinall(callers, timeout=10.0)
        is_done = flush(5.0)
    answer(is_done=is_done, outcomes=outcomes(), stall=stalls.longest)
"""


def test_a_greenlet_that_waits_for_room_lets_the_others_run(run_script, measured):
    ran = run_green(run_script, BLOCKS).answer

    assert ran["is_done"]
    assert ran["outcomes"] == {"match": 20}
    measured(
        "longest stall of greenlets while others wait for room, milliseconds",
        ran["stall"] * 1000,
        at_most=100,
    )


AWAITS = """
    import asyncio

    async def candidate(x):
        await asyncio.sleep(0.001)
        return x

    call = launched(candidate)
    hang = launched(lambda x: time.sleep(0.3), timeout=0.01)
    with Ticker() as stalls:
        # The worker that starts the loop is replaced, and ends.
        call(1), hang(1), hang(1)
        is_done = flush(5.0)
        gevent.sleep(0.5)
        callers = [gevent.spawn(call, n) for n in range(19)]
        gevent.joinall(callers, timeout=10.0)
        is_done = flush(5.0) and is_done
    answer(is_done=is_done, stall=stalls.longest, outcomes=outcomes())
"""


def test_async_candidates_run_on_a_loop_in_a_thread_of_its_own(run_script):
    ran = run_green(run_script, AWAITS).answer

    assert ran["is_done"]
    assert ran["outcomes"] == {"match": 20, "timeout": 2}
