"""The virtual clock by itself."""

from podium.testing.virtual import VirtualLoop, VirtualTime


def test_a_timer_is_not_a_moment_early() -> None:
    """What looks at the clock from a timer finds its time passed; else it would ask for ever."""
    time, fired = VirtualTime(), []
    loop = VirtualLoop(time, lambda _: None)
    try:
        loop.call_later(5e-7, fired.append, "due")

        assert not loop.has_ready()
        due_s = loop.next_due_s()
        assert due_s is not None
        time.now_s = due_s
        loop.step()
        assert fired == ["due"]
    finally:
        loop.dispose()
