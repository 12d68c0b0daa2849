"""The executor on a real wheel: installed by digest, started, probed, restored, removed, compared."""

from __future__ import annotations

import os
import signal
import time
from uuid import UUID

import pytest
from deploy_service.application import Place
from deploy_service.domain import NOTHING, Step


@pytest.fixture
def do(kit, executor, client):
    """Carry out steps on the node, and return the last result."""

    def do(package, *steps, before=None, executor=executor):
        for step in steps:
            result = executor.carry_out(step, kit.PLACE, package=package, before=before)
            assert result.succeeded, (step, result)
        return result

    return do


def answer(client, result, path="/"):
    return client.request("GET", result.url + path).text


def test_a_package_is_installed_started_probed_and_verified(kit, executor, shelf, client, do):
    package = shelf.package()
    result = do(package, kit.INSTALL, kit.START, kit.PROBE)
    assert result.url.startswith("http://127.0.0.1:")
    assert answer(client, result) == "1.0"
    verified = executor.verify(kit.PLACE, package)
    assert verified.succeeded
    assert verified.manifest_digest == executor.inspect(kit.PLACE) != NOTHING
    assert not executor.verify(kit.PLACE, None).succeeded
    assert not executor.verify(kit.PLACE, shelf.package("2.0")).succeeded


def test_steps_may_be_repeated(kit, executor, shelf, client, do):
    package = shelf.package()
    first = do(package, kit.INSTALL, kit.START)
    again = do(package, kit.INSTALL, kit.START, kit.PROBE)
    assert again.url == first.url
    do(package, kit.STOP, kit.STOP, kit.REMOVE, kit.REMOVE)
    assert executor.verify(kit.PLACE, None).succeeded


def test_a_node_listens_and_is_reached_under_the_name_of_its_machine(kit, shelf, client, do, tmp_path):
    executor = kit.an_executor(tmp_path / "named", shelf, client, host="localhost")
    try:
        result = do(shelf.package(), kit.INSTALL, kit.START, kit.PROBE, executor=executor)
        assert result.url.startswith("http://localhost:")
        assert answer(client, result) == "1.0"
    finally:
        executor.close()


def test_a_new_version_takes_the_place_and_the_port_of_the_old_one_and_is_restored(kit, executor, shelf, client, do):
    old, new = shelf.package("1.0"), shelf.package("2.0")
    first = do(old, kit.INSTALL, kit.START)
    result = do(new, kit.INSTALL)
    assert answer(client, result) == "1.0"
    result = do(new, kit.START, kit.PROBE)
    assert answer(client, result) == "2.0"
    restored = do(new, kit.STOP, kit.RESTORE, kit.START, kit.PROBE, before=old)
    assert answer(client, restored) == "1.0"
    assert restored.url == first.url
    assert executor.verify(kit.PLACE, old).succeeded


def test_a_restore_after_an_install_that_was_never_started(kit, executor, shelf, client, do):
    old, new = shelf.package("1.0"), shelf.package("2.0")
    do(old, kit.INSTALL, kit.START)
    result = do(new, kit.INSTALL, kit.STOP, kit.RESTORE, kit.PROBE, before=old)
    assert answer(client, result) == "1.0"


def test_restoring_nothing_leaves_nothing(kit, executor, shelf, do):
    package = shelf.package()
    result = do(package, kit.INSTALL, kit.START, kit.RESTORE, before=None)
    assert result.url is None
    assert executor.inspect(kit.PLACE) == NOTHING


def test_data_outlives_the_software_until_the_place_is_cleared(kit, executor, shelf, do, tmp_path):
    package = shelf.package()
    do(package, kit.INSTALL, kit.START)
    (work,) = tmp_path.glob("nodes/*/*/*/work")
    (work / "journal").write_text("kept")
    do(package, kit.STOP, kit.REMOVE)
    assert (work / "journal").read_text() == "kept"
    assert executor.clear(kit.PLACE).succeeded
    assert not work.exists()


def test_a_probe_that_sees_another_status_fails_in_time(kit, executor, shelf, do):
    package = shelf.package(status=503)
    do(package, kit.INSTALL, kit.START)
    began = time.monotonic()
    result = executor.carry_out(Step("probe", "probe", "/health", 200, 1), kit.PLACE, package=package, before=None)
    assert not result.succeeded
    assert "answered 503" in result.detail
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("probe", "probe", "/"), "nothing runs here"),
        (Step("start", "start", "greeter"), "nothing is installed"),
        (Step("start", "start", "-c"), "names no module"),
    ],
)
def test_a_step_that_finds_nothing_fails_in_words(kit, executor, shelf, step, words):
    result = executor.carry_out(step, kit.PLACE, package=shelf.package(), before=None)
    assert not result.succeeded
    assert words in result.detail


def test_a_process_that_does_not_listen_fails_with_the_end_of_its_log(kit, executor, shelf):
    package = shelf.package(content=kit.a_zip({"greeter/__main__.py": "raise SystemExit('no such depot')"}))
    executor.carry_out(kit.INSTALL, kit.PLACE, package=package, before=None)
    result = executor.carry_out(kit.START, kit.PLACE, package=package, before=None)
    assert not result.succeeded
    assert "no such depot" in result.detail


def test_what_a_process_wrote_is_kept_without_characters_that_no_store_keeps(kit, executor, shelf):
    package = shelf.package(
        content=kit.a_zip({"greeter/__main__.py": "raise SystemExit('no\\0such\\x1bdepot\\u00e9')"})
    )
    executor.carry_out(kit.INSTALL, kit.PLACE, package=package, before=None)
    result = executor.carry_out(kit.START, kit.PLACE, package=package, before=None)
    assert "no\ufffdsuch\ufffddepot" in result.detail
    assert len(executor.carry_out(kit.START, kit.PLACE, package=package, before=None).detail) <= 1000


def test_what_is_not_in_the_library_is_not_installed(kit, executor, shelf):
    package = shelf.package()
    shelf.content.clear()
    result = executor.carry_out(kit.INSTALL, kit.PLACE, package=package, before=None)
    assert not result.succeeded
    assert "is not there" in result.detail


def test_items_that_are_no_wheel_are_fetched_and_not_unpacked(kit, executor, shelf, do):
    package = shelf.package(content=b"{}")
    package = kit.Package(
        "1.0", (kit.Item("bom", "1.0", package.items[0].sha256, 2, "sbom"),), "x", "p" * 64, UUID(int=3)
    )
    assert do(package, kit.INSTALL).detail == "0 files unpacked"


def test_edited_software_is_drift(kit, executor, shelf, do, tmp_path):
    package = shelf.package()
    do(package, kit.INSTALL, kit.START)
    before = executor.inspect(kit.PLACE)
    (module,) = tmp_path.glob("nodes/*/*/*/releases/*/greeter/__init__.py")
    module.write_text("edited = True")
    assert executor.inspect(kit.PLACE) != before
    assert not executor.verify(kit.PLACE, package).succeeded


def test_a_process_that_died_is_found_as_nothing_and_brought_back(kit, executor, shelf, client, do):
    package = shelf.package()
    result = do(package, kit.INSTALL, kit.START)
    pid = executor._read(kit.PLACE).pid
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while executor.inspect(kit.PLACE) != NOTHING and time.monotonic() < until:
        time.sleep(0.02)
    assert executor.inspect(kit.PLACE) == NOTHING
    executor.keep(kit.PLACE, package, result.url)
    assert executor.verify(kit.PLACE, package).succeeded
    assert answer(client, result) == "1.0"


def test_what_ended_with_the_service_starts_again_with_it(kit, executor, shelf, client, do, tmp_path):
    package = shelf.package()
    result = do(package, kit.INSTALL, kit.START)
    executor.close()
    with pytest.raises(InterruptedError):
        executor.carry_out(kit.PROBE, kit.PLACE, package=package, before=None)
    again = kit.an_executor(tmp_path / "nodes", shelf, client)
    try:
        again.revive()
        assert answer(client, result) == "1.0"
        assert again.verify(kit.PLACE, package).succeeded
    finally:
        again.close()


def test_nodes_may_outlive_the_service(kit, shelf, client, tmp_path):
    first = kit.an_executor(tmp_path / "nodes", shelf, client, stop_on_close=False)
    package = shelf.package()
    first.carry_out(kit.INSTALL, kit.PLACE, package=package, before=None)
    result = first.carry_out(kit.START, kit.PLACE, package=package, before=None)
    first.close()
    second = kit.an_executor(tmp_path / "nodes", shelf, client)
    assert second.verify(kit.PLACE, package).succeeded
    assert answer(client, result) == "1.0"
    second.carry_out(kit.STOP, kit.PLACE, package=package, before=None)
    assert second.inspect(kit.PLACE) == NOTHING
    for child in first._processes._children.values():
        child.wait(5)


def test_another_process_with_the_same_pid_is_left_alone(kit, executor, shelf, do):
    package = shelf.package()
    do(package, kit.INSTALL, kit.START)
    standing = executor._read(kit.PLACE)
    executor._write(kit.PLACE, kit.replaced(standing, pid=os.getpid(), began="long ago"))
    do(package, kit.STOP)
    executor._write(kit.PLACE, standing)


def test_a_node_runs_on_a_port_of_the_range(kit, shelf, client, tmp_path):
    executor = kit.an_executor(tmp_path / "nodes", shelf, client, ports=(28_411, 28_419))
    try:
        package = shelf.package()
        urls = []
        for node in ("a", "b"):
            place = Place(UUID(int=1), node, UUID(int=2))
            executor.carry_out(kit.INSTALL, place, package=package, before=None)
            urls.append(executor.carry_out(kit.START, place, package=package, before=None).url)
        assert len(set(urls)) == 2
        assert all(28_411 <= int(url.rpartition(":")[2]) <= 28_419 for url in urls)
    finally:
        executor.close()
