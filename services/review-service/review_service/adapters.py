"""The outside world of review: probing a service over HTTP, within set limits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fourgates.chassis.aggregate import Act, derived_id
from fourgates.chassis.http_client import HttpClient, HttpFailed
from fourgates.chassis.service import CarryOut, Effect

from review_service.application import Prober, ReviewUseCases
from review_service.domain import Endpoint, Measurement, Review, Sample, Target, TargetWatch
from review_service.settings import ReviewSettings

_MS = 1000.0
_ANSWERS = range(200, 400)


class HttpProber:
    """Asks the endpoints of a service in turn, a bounded number of times, and computes the measure of a target."""

    def __init__(self, client: HttpClient, settings: ReviewSettings) -> None:
        self._client = client
        self._settings = settings

    def measure(self, target: Target, endpoints: tuple[Endpoint, ...]) -> tuple[float | None, tuple[Sample, ...], int]:
        """Return the measured value, every sample, and how many of them told something; no endpoint tells nothing."""
        samples = self._probe(target, endpoints)
        answered = [s for s in samples if s.status in _ANSWERS]
        if target.measure == "availability_percent" and samples:
            return round(100.0 * len(answered) / len(samples), 3), samples, len(samples)
        if target.measure == "latency_p95_ms" and answered:
            return percentile_95([s.latency_ms for s in answered]), samples, len(answered)
        return None, samples, 0

    def _probe(self, target: Target, endpoints: tuple[Endpoint, ...]) -> tuple[Sample, ...]:
        began = time.perf_counter()
        samples: list[Sample] = []
        for number in range(self._settings.samples if endpoints else 0):
            elapsed = time.perf_counter() - began
            if elapsed > self._settings.measurement_limit_s:
                break
            url = endpoints[number % len(endpoints)].url.rstrip("/") + "/" + target.path.lstrip("/")
            samples.append(self._sample(url, int(elapsed * _MS)))
            time.sleep(self._settings.probe_pause_s)
        return tuple(samples)

    def _sample(self, url: str, offset_ms: int) -> Sample:
        asked = time.perf_counter()
        try:
            answer = self._client.request(
                "GET", url, timeout_s=self._settings.probe_timeout_s, limit_bytes=self._settings.probe_limit_bytes
            )
            status: int | None = answer.status_code
        except HttpFailed:
            status = None
        latency_ms = round((time.perf_counter() - asked) * _MS, 3)
        return Sample(url=url, offset_ms=offset_ms, status=status, latency_ms=latency_ms)


def percentile_95(values: list[float]) -> float:
    """Return the 95th percentile by nearest rank: the value that 95 of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def measuring_reviews(prober: Prober) -> Effect:
    """Return the effect that measures what a review asked for. Repeating it is safe: an evaluation is recorded once."""

    def run(requested: Review.EvaluationRequested, act: Act, carry_out: CarryOut) -> None:
        for target in requested.targets:
            measurement = _measured(prober, target, requested)
            carry_out(_recording(requested, act, measurement))

    return Effect(name="measure-reviews", on=Review.EvaluationRequested, run=run)


def measuring_services(prober: Prober) -> Effect:
    """Return the effect that measures watched services."""

    def run(requested: TargetWatch.MeasurementRequested, act: Act, carry_out: CarryOut) -> None:
        for target in requested.targets:
            measurement = _measured(prober, target, requested)
            carry_out(_watching(requested, act, target, measurement))

    return Effect(name="measure-services", on=TargetWatch.MeasurementRequested, run=run)


def _measured(
    prober: Prober, target: Target, requested: Review.EvaluationRequested | TargetWatch.MeasurementRequested
) -> Measurement:
    value, samples, count = prober.measure(target, requested.endpoints)
    return Measurement(
        evaluation_id=derived_id(requested.request_id, str(target.target_id)),
        target_id=target.target_id,
        measured=value,
        samples=samples,
        sample_count=count,
    )


def _recording(
    requested: Review.EvaluationRequested, act: Act, measurement: Measurement
) -> Callable[[ReviewUseCases], None]:
    return lambda use_cases: use_cases.record_measurement(
        act, review_id=requested.originator_id, measurement=measurement
    )


def _watching(
    requested: TargetWatch.MeasurementRequested, act: Act, target: Target, measurement: Measurement
) -> Callable[[ReviewUseCases], None]:
    return lambda use_cases: use_cases.record_watch_measurement(
        act, watch_id=requested.originator_id, target=target, measurement=measurement
    )
