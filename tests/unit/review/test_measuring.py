"""How a target is measured: a bounded number of probes, and what is computed from them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.http_client import HttpFailed
from fourgates.chassis.testing import an_act
from review_service.adapters import HttpProber, measuring_reviews, measuring_services, percentile_95
from review_service.domain import TargetWatch
from review_service.settings import ReviewSettings

SETTINGS = ReviewSettings(samples=6, samples_min=3, probe_pause_s=0)


class Answers:
    """A client that answers with these statuses in turn; None is no answer."""

    def __init__(self, *statuses):
        self._statuses = statuses
        self.asked = []

    def request(self, method, url, *, timeout_s, limit_bytes):
        assert (method, timeout_s, limit_bytes) == ("GET", SETTINGS.probe_timeout_s, SETTINGS.probe_limit_bytes)
        status = self._statuses[len(self.asked) % len(self._statuses)]
        self.asked.append(url)
        if status is None:
            raise HttpFailed(url, "no answer")
        return SimpleNamespace(status_code=status)


def test_availability_is_the_share_of_probes_that_were_answered_well(given):
    client = Answers(200, 503, None)
    measured, samples, count = HttpProber(client, SETTINGS).measure(given.uptime, (given.endpoint,))
    assert (measured, count) == (33.333, 6)
    assert [s.status for s in samples] == [200, 503, None] * 2


def test_endpoints_are_asked_in_turn_at_the_path_of_the_target(given):
    other = type(given.endpoint)(given.endpoint.environment_id, "node-2", "http://127.0.0.1:9002/")
    client = Answers(200)
    HttpProber(client, SETTINGS).measure(given.speed, (given.endpoint, other))
    assert client.asked[:2] == ["http://127.0.0.1:9001/parcels", "http://127.0.0.1:9002/parcels"]
    assert len(client.asked) == 6


def test_latency_counts_only_what_was_answered_well(given):
    measured, samples, count = HttpProber(Answers(200, 500), SETTINGS).measure(given.speed, (given.endpoint,))
    assert count == 3
    assert measured == max(s.latency_ms for s in samples if s.status == 200)


@pytest.mark.parametrize("measure", ["latency_p95_ms", "availability_percent", "happiness"])
def test_without_endpoints_nothing_is_measured(given, measure):
    target = type(given.speed)(**{**vars(given.speed), "measure": measure})
    assert HttpProber(Answers(200), SETTINGS).measure(target, ()) == (None, (), 0)


def test_a_measure_that_nobody_knows_concludes_nothing(given):
    target = type(given.speed)(**{**vars(given.speed), "measure": "happiness"})
    assert HttpProber(Answers(200), SETTINGS).measure(target, (given.endpoint,))[::2] == (None, 0)


def test_a_service_that_never_answers_has_no_latency_but_an_availability_of_none(given):
    prober = HttpProber(Answers(None), SETTINGS)
    assert prober.measure(given.speed, (given.endpoint,))[::2] == (None, 0)
    assert prober.measure(given.uptime, (given.endpoint,))[::2] == (0.0, 6)


@pytest.mark.parametrize(
    ("values", "expected"), [([7.0], 7.0), ([float(n) for n in range(1, 21)], 19.0), ([3.0, 1.0, 2.0], 3.0)]
)
def test_the_95th_percentile_is_a_value_that_was_measured(values, expected):
    assert percentile_95(values) == expected


class Recorder:
    """Use cases that remember what they were given."""

    def __init__(self):
        self.recorded = []

    def record_measurement(self, act, **facts):
        self.recorded.append(facts)

    record_watch_measurement = record_measurement


def test_each_target_that_was_asked_for_is_measured_under_an_id_that_follows_from_the_request(given):
    review = given.opened(targets=(given.speed, given.uptime))
    review.request_evaluation(given.reviewer, request_id=given.an_id("request"))
    effect, recorder = measuring_reviews(HttpProber(Answers(200), SETTINGS)), Recorder()
    for _ in range(2):
        effect.run(review.pending_events[-1], an_act(), lambda use_case: use_case(recorder))
    ids = [facts["measurement"].evaluation_id for facts in recorder.recorded]
    wanted = [derived_id(given.an_id("request"), str(t.target_id)) for t in (given.speed, given.uptime)]
    assert ids == [*wanted, *wanted]
    assert {facts["review_id"] for facts in recorder.recorded} == {review.id}


def test_a_watched_service_is_measured_the_same_way(given):
    watch = TargetWatch.begin(given.service_act, service_id=given.an_id("service"))
    watch.note_targets(given.service_act, revision=1, targets=(given.speed,))
    watch.note_endpoints(given.service_act, endpoints=(given.endpoint,), as_of=given.service_act.at)
    watch.begin_measuring(given.service_act, release_id=given.an_id("release"))
    watch.go_on_measuring(given.service_act, request_id=given.an_id("request"), every_s=0)
    effect, recorder = measuring_services(HttpProber(Answers(200), SETTINGS)), Recorder()
    effect.run(watch.pending_events[-1], an_act(), lambda use_case: use_case(recorder))
    (facts,) = recorder.recorded
    assert (facts["watch_id"], facts["target"]) == (watch.id, given.speed)
