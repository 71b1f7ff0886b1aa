"""A model onto a cluster and back, with an API that fails in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from os import getpid, kill
from signal import SIGKILL

import pytest

from casa.errors import Conflict, LockTaken, NotFound, RolloutFailed, Superseded
from casa.model.bundle import Bundle
from casa.rollout.cluster import Json
from tests.rollout.api import Api
from tests.rollout.conftest import OLD, Desk


def test_a_model_that_does_well_is_served(api: Api, desk: Desk) -> None:
    desk.to()
    assert (api.version, api.state["phase"]) == (desk.saved.version, "held")
    assert api.deployment["metadata"]["annotations"]["kubernetes.io/change-cause"] == f"model {desk.saved.version}"
    assert desk.audit == ["rollout begun", "rollout held"]
    assert [event["reason"] for event in api.events] == ["RolloutBegun", "RolloutHeld"]


def test_golden_predictions_make_up_for_missing_traffic(api: Api, desk: Desk) -> None:
    desk.to()
    watched = [sentence for sentence in desk.said if "calls failed" in sentence]
    assert int(watched[-1].split(" of ")[2].split()[0]) >= 20


def test_a_field_newer_than_the_client_stays_in_the_template(api: Api, desk: Desk) -> None:
    desk.to()
    assert api.deployment["spec"]["template"]["spec"]["containers"][0]["fieldFromTheFuture"] is True
    desk.undo()
    assert api.deployment["spec"]["template"]["spec"]["containers"][0]["fieldFromTheFuture"] is True


def test_a_golden_price_that_is_off_takes_the_model_back(api: Api, desk: Desk, spoilt: Bundle) -> None:
    desk.saved = spoilt
    with pytest.raises(RolloutFailed, match="a golden price is off"):
        desk.to()
    assert (api.version, api.state["phase"]) == (OLD, "undone")
    assert desk.audit == ["rollout begun", "rollout undone"]


def renamed(saved: Bundle) -> Bundle:
    """The same model under a version that its pods do not serve."""
    return replace(saved, version="ffffffffffff")


def test_another_model_than_the_one_wanted_takes_it_back(api: Api, desk: Desk) -> None:
    served, desk.saved = desk.saved.version, renamed(desk.saved)
    with pytest.raises(RolloutFailed, match=f"it serves model {served}, not ffffffffffff"):
        desk.to()
    assert api.version == OLD


def test_pods_that_do_not_come_up_in_time_take_it_back(api: Api, desk: Desk) -> None:
    api.stuck.add(desk.saved.version)
    with pytest.raises(RolloutFailed, match="no progress within 600 s"):
        desk.to()
    assert (api.version, api.state["reason"]) == (OLD, "no progress within 600 s")


def test_a_container_that_ends_while_it_is_watched_takes_it_back(api: Api, desk: Desk) -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137}
    status = {"name": "service", "restartCount": 1, "lastState": {"terminated": ended}, "state": {"running": {}}}

    def crash(sentence: str) -> None:
        if "watched" in sentence:
            api.pod_status = {**api.pod_status, "containerStatuses": [status]}

    desk.lock.take()
    with pytest.raises(RolloutFailed, match=r"its container service ended \(OOMKilled, exit code 137\)"):
        desk.release(tell=crash).to(desk.saved.version)
    assert api.version == OLD


def test_a_key_that_opens_nothing_is_said(api: Api, desk: Desk) -> None:
    desk.key = "casa_wrong"
    with pytest.raises(RolloutFailed, match="CASA_API_KEY must be a key of its own with the scope predict"):
        desk.to()
    assert api.version == OLD


@pytest.mark.parametrize(
    "fault", [("PATCH", 409), ("PATCH", 500), ("GET", 500), ("GET", 429), ("PUT", 409), ("PUT", 503)]
)
def test_an_api_that_fails_for_a_moment_is_asked_again(api: Api, desk: Desk, fault: tuple[str, int]) -> None:
    with desk.lock.held():
        api.faults.append(fault)
        desk.release().to(desk.saved.version)
    assert (api.faults, api.version, api.state["phase"]) == ([], desk.saved.version, "held")


def test_a_patch_whose_answer_was_lost_is_not_done_twice(api: Api, desk: Desk) -> None:
    api.lost.append("PATCH")
    desk.to()
    assert api.deployment["metadata"]["generation"] == 2
    assert desk.audit == ["rollout begun", "rollout held"]


def test_a_patch_that_others_were_faster_than_is_made_anew(api: Api, desk: Desk) -> None:
    def scale() -> None:
        api.deployment["spec"]["replicas"] = 1
        api.deployment["metadata"]["annotations"]["others"] = "kept"
        api.touch()

    api.on_patch.append(scale)
    desk.to()
    assert api.deployment["metadata"]["annotations"]["others"] == "kept"


@pytest.mark.parametrize("sent", [[{"type": "ERROR", "object": {"code": 410, "message": "too old"}}], []])
def test_a_watch_that_is_too_old_or_cut_is_begun_anew(api: Api, desk: Desk, sent: list[Json]) -> None:
    def end(_: Json) -> list[Json]:
        api.slow.clear()
        api.reconcile()
        return sent

    api.slow.add(desk.saved.version)
    api.watches = [end]
    desk.to()
    assert (api.watches, api.version) == ([], desk.saved.version)


def test_what_others_roll_out_meanwhile_is_the_last_word(api: Api, desk: Desk) -> None:
    def interfere(sentence: str) -> None:
        if "watched" in sentence:
            api.deployment["spec"]["template"]["metadata"]["annotations"]["casa/model-version"] = "aaaaaaaaaaaa"

    desk.lock.take()
    with pytest.raises(Superseded, match="was given model aaaaaaaaaaaa meanwhile"):
        desk.release(tell=interfere).to(desk.saved.version)
    assert api.version == "aaaaaaaaaaaa"


def test_undo_is_the_revision_before_with_all_that_it_had(api: Api, desk: Desk) -> None:
    desk.to()
    assert desk.undo() == OLD
    assert (api.version, api.deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) == (OLD, "3")
    assert "pod-template-hash" not in api.deployment["spec"]["template"]["metadata"]["labels"]


def test_there_is_nothing_to_undo_at_first(api: Api, desk: Desk) -> None:
    with pytest.raises(NotFound, match="there is nothing to undo"):
        desk.undo()


def test_a_paused_deployment_is_left_alone(api: Api, desk: Desk) -> None:
    api.deployment["spec"]["paused"] = True
    with pytest.raises(RolloutFailed, match="is paused"):
        desk.to()


def killed(work: Callable[[Callable[[str], None]], None], at: str) -> None:
    """Do the work in a process of its own that dies of SIGKILL at the first sentence with these words."""

    def tell(sentence: str) -> None:
        if at in sentence:
            kill(getpid(), SIGKILL)

    process = get_context("fork").Process(target=work, args=(tell,))
    process.start()
    process.join()
    assert process.exitcode == -SIGKILL


def start(desk: Desk) -> Callable[[Callable[[str], None]], None]:
    def work(tell: Callable[[str], None]) -> None:
        with desk.lock.held():
            desk.release(tell=tell).to(desk.saved.version)

    return work


@pytest.mark.parametrize("at", ["all 1 pods are new", "0 of 0 s watched", "calls failed"])
def test_a_rollout_that_was_killed_is_gone_on_with(api: Api, desk: Desk, at: str) -> None:
    killed(start(desk), at)
    assert api.state["phase"] in ("rolling", "watching")
    desk.to()
    assert (api.version, api.state["phase"], api.state["from"]) == (desk.saved.version, "held", OLD)


def test_a_way_back_that_was_killed_is_gone_on_with(api: Api, desk: Desk, spoilt: Bundle) -> None:
    desk.saved = spoilt
    killed(start(desk), "taking model")
    with pytest.raises(RolloutFailed, match="was taken back"):
        desk.to()
    assert (api.version, api.state["phase"]) == (OLD, "undone")


def test_undo_ends_a_rollout_that_was_killed(api: Api, desk: Desk) -> None:
    killed(start(desk), "calls failed")
    assert desk.undo() == OLD
    assert (api.version, api.state["phase"], api.state["reason"]) == (OLD, "undone", "undone by hand")


def test_another_rollout_goes_back_to_what_held_last(api: Api, desk: Desk, spoilt: Bundle) -> None:
    killed(start(desk), "calls failed")
    desk.saved = renamed(spoilt)
    with pytest.raises(RolloutFailed):
        desk.to()
    assert api.version == OLD


def test_whoever_lost_the_lease_changes_nothing_more(api: Api, desk: Desk) -> None:
    def lose(sentence: str) -> None:
        if "watched" in sentence:
            api.leases["casa-retrain"]["spec"]["holderIdentity"] = "another"

    desk.lock.take()
    with pytest.raises(LockTaken, match="by another"):
        desk.release(tell=lose, seconds=1.0).to(desk.saved.version)
    assert api.state["phase"] == "watching"


def test_a_change_that_is_always_overtaken_is_given_up(api: Api, desk: Desk) -> None:
    api.on_patch = [api.touch] * 100
    with pytest.raises(Exception, match="is changed by others all the time") as raised:
        desk.to()
    assert not isinstance(raised.value, Conflict)
