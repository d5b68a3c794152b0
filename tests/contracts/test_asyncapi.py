"""The AsyncAPI document tells the truth: real frames are held to it, and its parser reads it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.wire_schemas import DOCUMENT, faults_of, message_faults, query_faults
from gateways.live.test_conversations import CONVERSATIONS, play
from sessionwire import SessionWire
from sessionwire.errors import ProtocolError
from sessionwire.gateways.live.frames import CLIENT_FRAMES, decode, encode_unavailable
from sessionwire.gateways.live.server_frames import SERVER_FRAMES
from sessionwire.model import ObjectId, Version

if TYPE_CHECKING:
    from support.server import Running

NODE = Path(__file__).parents[1] / "node"
HEX = "6b042ac000000001"
APPLICATION = """
from __future__ import annotations

import msgspec
from bson import ObjectId
from sessionwire import Context, SessionWire

wire = SessionWire(user_fields=("plan",))


class Update(msgspec.Struct, rename="camel"):
    task_id: ObjectId
    size: tuple[int, str]


class User(msgspec.Struct):
    nick: str


@wire.query("projects.list")
def projects(ctx: Context, archived: bool = False) -> list[Update]:
    return []


@wire.query("nick")
def nick(ctx: Context) -> User:
    return User("A")


@wire.query("anything")
def anything(ctx: Context, name: str): ...
"""


def conversation(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def said_by_clients(path: Path) -> list[dict[str, Any]]:
    """A text that is no JSON object, and the tag `"*"`, are for the runners to fill in."""
    steps = [each["client"] for each in conversation(path)["steps"] if "client" in each]
    return [{name: value for name, value in each.items() if value != "*"} for each in steps]


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_every_frame_of_every_conversation_is_as_described(path: Path) -> None:
    said = play(conversation(path)).said
    assert said
    assert {str(each): message_faults(each) for each in said if message_faults(each)} == {}


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_what_queries_take_and_show_is_as_described(path: Path) -> None:
    asked = [each for each in said_by_clients(path) if each["op"] == "subscribe"]
    known = {each["id"]: each["query"] for each in asked if each["query"] in DOCUMENT["x-queries"]}
    for each in asked:
        if each["id"] in known:
            assert query_faults(each["query"], "args", each["args"]) == []
    for frame in play(conversation(path)).said:
        for result in frame.get("results", []):
            if "data" in result and result["id"] in known:
                assert query_faults(known[result["id"]], "data", result["data"]) == []


def test_conversations_hold_a_frame_of_every_kind_in_both_directions() -> None:
    said = {each["op"] for path in CONVERSATIONS for each in play(conversation(path)).said}
    assert said == {each.__struct_config__.tag for each in SERVER_FRAMES}
    asked = {each["op"] for path in CONVERSATIONS for each in said_by_clients(path)}
    assert asked >= {"subscribe", "unsubscribe", "ping"} and asked <= CLIENT_FRAMES.keys()


def test_a_frame_without_one_of_its_fields_or_with_another_is_noticed() -> None:
    optional = {("error", "id"), ("bye", "after")}
    for path in CONVERSATIONS:
        for frame in play(conversation(path)).said:
            assert message_faults({**frame, "more": 1})
            for name in frame:
                less = {key: value for key, value in frame.items() if key != name}
                assert message_faults(less) or (frame["op"], name) in optional, less


def test_a_field_of_another_kind_is_noticed_in_data() -> None:
    path = next(each for each in CONVERSATIONS if each.stem == "organization-switch")
    shown = next(each for each in play(conversation(path)).said if each["op"] == "update")
    data = copy.deepcopy(shown["results"][0]["data"])
    assert query_faults("session", "data", data) == []
    data["user"]["emailVerified"] = "yes"
    assert query_faults("session", "data", data) == [
        f"$: {data} is not valid under any of the given schemas"
    ]


def test_an_update_that_is_put_together_elsewhere_is_as_described() -> None:
    assert message_faults(json.loads(encode_unavailable([1, 2], Version(1)))) == []


FIELDS = st.fixed_dictionaries(
    {"op": st.sampled_from([*CLIENT_FRAMES, "dance"])},
    optional={
        "id": st.sampled_from([0, 1, 2**31 - 1, 2**31, -1, "1", None, True]),
        "query": st.sampled_from(["session", "", "q" * 128, "q" * 129, 1, None]),
        "args": st.sampled_from([{}, {"organization": "1"}, [], None, "x"]),
        "since": st.sampled_from([HEX, HEX.upper(), HEX + "\n", "", 1, None]),
        "tag": st.sampled_from([HEX, HEX[1:], None, {}]),
        "version": st.sampled_from([HEX, 1]),
        "more": st.just(1),
    },
)


@given(FIELDS)
def test_the_server_takes_exactly_the_frames_that_are_described(frame: dict[str, Any]) -> None:
    try:
        decode(json.dumps(frame))
    except ProtocolError:
        assert message_faults(frame)
    else:
        assert message_faults(frame) == []


async def test_polls_and_their_answers_are_as_described(server: Running) -> None:
    http = await server.sign_up("Alice")
    asked: dict[str, Any] = {
        "subscriptions": [{"id": 1, "query": "session"}, {"id": 2, "query": "nothing"}],
        "wait": 0,
    }
    assert faults_of(asked, "#/components/schemas/frame.Poll") == []
    answer = await http.post("/live/poll", json=asked)
    assert answer.status_code == 200 and message_faults(answer.json()) == []
    session, failed = sorted(answer.json()["results"], key=lambda each: int(each["id"]))
    assert query_faults("session", "data", session["data"]) == []
    assert failed["error"]["code"] == "unknown_query"
    wrong = {"subscriptions": [], "wait": -1}
    assert faults_of(wrong, "#/components/schemas/frame.Poll")
    refused = await http.post("/live/poll", json=wrong)
    assert refused.status_code in DOCUMENT["channels"]["poll"]["x-statuses"]["refusal"]
    assert faults_of(refused.json(), "#/components/schemas/frame.Refusal") == []
    cookies = "; ".join(f"{each.name}={each.value}" for each in http.cookies.jar)
    await http.post("/api/auth/sign-out")
    ended = await http.post("/live/poll", json=asked, headers={"cookie": cookies})
    assert ended.status_code in DOCUMENT["channels"]["poll"]["x-statuses"]["bye"]
    assert ended.json()["op"] == "bye" and message_faults(ended.json()) == []


def parsed(document: str) -> dict[str, Any]:
    run = subprocess.run(
        ["node", "asyncapi/parse.mjs"],
        cwd=NODE,
        input=document,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert run.returncode == 0, run.stderr
    read: dict[str, Any] = json.loads(run.stdout)
    return read


def printed(*arguments: str, at: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "sessionwire", "asyncapi", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=at,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.skipif(
    not (NODE / "node_modules" / "@asyncapi").exists(), reason="needs AsyncAPI's parser"
)
def test_asyncapis_own_parser_finds_no_error_and_both_channels(tmp_path: Path) -> None:
    text = printed(at=tmp_path)
    found = parsed(text)
    assert found["errors"] == []
    ops = {*CLIENT_FRAMES, *(str(each.__struct_config__.tag) for each in SERVER_FRAMES)}
    assert set(found["channels"]["/live"]) == ops
    assert found["channels"].keys() == {"/live", "/live/poll"}
    broken = json.loads(text)
    broken["operations"]["sendFrames"]["channel"]["$ref"] = "#/channels/nowhere"
    assert parsed(json.dumps(broken))["errors"]


def test_the_queries_and_fields_of_an_application_are_described(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    document = json.loads(printed("--app", "main:wire", at=tmp_path))
    queries = document["x-queries"]
    shown = [{"taskId": "1", "size": [1, "m"]}]

    def faults(value: Any, reference: dict[str, str]) -> list[str]:
        return faults_of(value, reference["$ref"], document=document)

    assert faults(shown, queries["projects.list"]["data"]) == []
    assert faults([{"taskId": 1, "size": [1, "m"]}], queries["projects.list"]["data"])
    assert faults([{"taskId": "1", "size": ["m", 1]}], queries["projects.list"]["data"])
    assert faults({"archived": True}, queries["projects.list"]["args"]) == []
    assert faults({"archived": "yes"}, queries["projects.list"]["args"])
    assert faults("whatever", queries["anything"]["data"]) == []
    assert faults({}, queries["anything"]["args"])
    assert faults({"nick": "A"}, queries["nick"]["data"]) == []
    update = document["components"]["messages"]["update"]["payload"]
    assert faults({"op": "update", "version": HEX, "results": [{}]}, update)
    ada: dict[str, Any] = {each: "" for each in ("id", "name", "email")}
    ada |= dict.fromkeys(("image", "createdAt", "updatedAt", "activeOrganizationId"))
    ada |= {"emailVerified": True, "onboarded": True}
    assert faults({**ada, "plan": "pro"}, queries["user"]["data"]) == []
    assert faults(ada, queries["user"]["data"])  # without the field of the application


async def test_an_end_that_the_server_gives_is_one_that_is_described(server: Running) -> None:
    live = await server.live(await server.sign_up("Alice"))
    http = await server.sign_in("Alice")
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    await http.post("/api/auth/revoke-other-sessions")
    bye = await live.until(lambda frame: frame["op"] == "bye")
    await live.connection.wait_closed()
    endings = {each["reason"]: each for each in DOCUMENT["channels"]["live"]["x-endings"]}
    assert endings[bye["reason"]]["code"] == live.connection.close_code
    assert endings[bye["reason"]]["retry"] == bye["retry"]


def test_annotations_that_name_nothing_describe_anything() -> None:
    wire = SessionWire(secret="kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN")

    class Odd:
        pass

    @wire.query("odd")
    def odd(ctx: Any, id: ObjectId) -> Odd:
        return Odd()

    document = wire.asyncapi()
    assert faults_of({"x": 1}, "#/components/schemas/query.odd.data", document=document) == []
    assert faults_of({"id": "1"}, "#/components/schemas/query.odd.args", document=document) == []
