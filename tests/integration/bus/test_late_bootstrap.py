"""A service that begins late, while another goes on writing: it reads the log, then the bus, and misses nothing."""

from __future__ import annotations

import threading

from fourgates.chassis.testing.messages import TwoServices, eventually

HEIGHTS = [5, 4, 3, 2, 1]
BEFORE, MEANWHILE = 20, 60


def test_a_service_that_begins_late_hears_each_fact_once_and_in_order_while_writes_go_on(bus):
    two = TwoServices(bus, late=True)
    half = threading.Event()

    def write() -> None:
        for number in range(MEANWHILE):
            two.bounce(f"later{number}", *HEIGHTS)
            if number == MEANWHILE // 3:
                half.set()

    for number in range(BEFORE):
        two.bounce(f"before{number}", *HEIGHTS)
    two.run(two.relay)
    assert eventually(lambda: two.store.position_of("relay") == two.store.head())
    writing = threading.Thread(target=write)
    writing.start()
    assert half.wait(60)
    two.run(two.a_replica())
    two.run(two.a_replica())
    writing.join(60)
    expected = (BEFORE + MEANWHILE) * len(HEIGHTS)
    assert eventually(lambda: two.heard.head() >= expected, 60), two.heard.head()
    two.stop()
    assert len(two.mirrored()) == expected
    names = [*(f"before{n}" for n in range(BEFORE)), *(f"later{n}" for n in range(MEANWHILE))]
    assert {name: two.mirrored_of(name) for name in names} == dict.fromkeys(names, HEIGHTS)
    assert two.parked() == []
