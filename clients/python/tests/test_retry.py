"""What is sent again, when, and with what: against a server that is not there but answers as it is told."""

import json

import httpx
import pytest

import descent
from descent._retry import Retry

RUN = {
    "id": "01a2148c-4e0c-7000-be35-55523b181add",
    "object": "run",
    "name": "r",
    "status": "queued",
    "terminal": False,
    "progress": {"epoch": 0, "epochs": 1},
}


class Stub:
    """Answers in the order of `answers`, each a response or an exception, and remembers what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.slept = []
        self.client = descent.Client(
            "http://stub", "dsc_stub", retry=Retry(draw=lambda: 0.0), transport=httpx.MockTransport(self._answer)
        )
        self.client._http.sleep = self.slept.append

    def _answer(self, request):
        self.requests.append((request.method, request.headers, request.read()))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def problem(status, code, **headers):
    return httpx.Response(status, json={"code": code, "detail": code}, headers=headers)


def created():
    return httpx.Response(201, json=RUN)


def test_a_creation_is_repeated_with_the_same_key():
    stub = Stub(
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        problem(503, "overloaded"),
        problem(409, "idempotency_in_progress"),
        created(),
    )
    assert stub.client.runs.submit(dataset="d").id == RUN["id"]
    keys = {headers["Idempotency-Key"] for _, headers, _ in stub.requests}
    assert len(stub.requests) == 5
    assert len(keys) == 1
    assert {body for _, _, body in stub.requests} == {b'{"dataset":"d"}'}
    assert stub.slept == [0.25, 0.5, 1.0, 2.0]


def test_two_creations_have_two_keys():
    stub = Stub(created(), created())
    stub.client.runs.submit(dataset="d")
    stub.client.runs.submit(dataset="d")
    assert len({headers["Idempotency-Key"] for _, headers, _ in stub.requests}) == 2


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({}, 0.25),
        ({"Retry-After": "soon"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_a_server_says_when_to_come_again(said, waited):
    stub = Stub(problem(429, "rate_limited", **said), created())
    stub.client.runs.submit(dataset="d")
    assert stub.slept == [waited]


def test_patience_has_an_end():
    stub = Stub(*[problem(429, "rate_limited", **{"Retry-After": "1"}) for _ in range(6)])
    with pytest.raises(descent.RateLimited, match="rate_limited"):
        stub.client.runs.submit(dataset="d")
    assert stub.slept == [1.0] * 5

    stub = Stub(problem(503, "draining", **{"Retry-After": "3600"}))
    with pytest.raises(descent.Unavailable):
        stub.client.runs.submit(dataset="d")
    assert stub.slept == []

    stub = Stub(*[httpx.ConnectError("refused")] * 6)
    with pytest.raises(descent.ConnectionFailed, match=r"POST /v1/runs: refused") as failed:
        stub.client.runs.submit(dataset="d")
    assert isinstance(failed.value.__cause__, httpx.ConnectError)
    assert stub.slept == [0.25, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_query", descent.InvalidRequest),
        (401, "unauthorized", descent.Unauthorized),
        (403, "forbidden", descent.Forbidden),
        (404, "not_found", descent.NotFound),
        (409, "run_state_conflict", descent.Conflict),
        (412, "stale_etag", descent.Conflict),
        (413, "too_large", descent.InvalidRequest),
        (422, "invalid_spec", descent.InvalidSpec),
        (500, "internal", descent.ServerError),
        (507, "disk_full", descent.Unavailable),
    ],
)
def test_what_stays_wrong_is_not_repeated(status, code, kind):
    stub = Stub(problem(status, code))
    with pytest.raises(kind) as refused:
        stub.client.runs.submit(dataset="d")
    assert type(refused.value) is kind
    assert (refused.value.code, refused.value.status) == (code, status)
    assert stub.slept == []


def test_an_answer_of_a_proxy_is_an_error_too():
    stub = Stub(httpx.Response(404, text="<h1>nothing here</h1>"))
    with pytest.raises(descent.NotFound, match="nothing here") as refused:
        stub.client.runs.get("x")
    assert refused.value.code == "http_404"


def test_a_deletion_whose_answer_was_lost_has_happened():
    stub = Stub(httpx.ReadTimeout("lost"), problem(404, "not_found"))
    stub.client.runs.delete("x")
    stub = Stub(problem(404, "not_found"))
    with pytest.raises(descent.NotFound):
        stub.client.runs.delete("x")


def test_an_upload_is_repeated_from_its_beginning(tmp_path):
    (tmp_path / "d.csv").write_bytes(b"a,b\n1,2\n")
    dataset = {"id": RUN["id"], "name": "d"}
    for source in (tmp_path / "d.csv", b"a,b\n1,2\n"):
        stub = Stub(httpx.WriteError("reset"), problem(503, "overloaded"), httpx.Response(201, json=dataset))
        stub.client.datasets.upload(source, name="d")
        assert [body for _, _, body in stub.requests] == [b"a,b\n1,2\n"] * 3
        assert {headers["Content-Length"] for _, headers, _ in stub.requests} == {"8"}
        assert len({headers["Idempotency-Key"] for _, headers, _ in stub.requests}) == 1


def test_a_form_is_repeated_byte_for_byte():
    stub = Stub(httpx.ReadError("reset"), httpx.Response(201, json={"id": RUN["id"], "name": "d"}))
    stub.client.datasets.upload({"images": b"1", "labels": b"2"})
    (_, _, first), (_, _, second) = stub.requests
    assert first == second
    assert b'name="images"' in first


def test_what_can_be_read_once_is_not_repeated():
    class Pipe:
        def __init__(self):
            self.pieces = [b"a\n", b"1\n"]

        def read(self, size):
            return self.pieces.pop(0) if self.pieces else b""

    stub = Stub(problem(503, "overloaded"))
    with pytest.raises(descent.Unavailable):
        stub.client.datasets.upload(Pipe(), name="d")
    assert stub.requests[0][2] == b"a\n1\n"


def test_the_random_part_of_a_delay_is_at_most_half():
    early, late = Retry(draw=lambda: 1.0), Retry(draw=lambda: 0.0)
    for attempt in range(5):
        full = min(8.0, 0.25 * 2**attempt)
        assert late.after_silence(attempt) == full
        assert early.after_silence(attempt) == full / 2
    assert late.after_silence(5) is None


def sse(*events, end=""):
    text = "".join(f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return httpx.Response(200, text=": hello\n\n" + text + end, headers={"Content-Type": "text/event-stream"})


def test_a_stream_goes_on_where_it_was_interrupted():
    one, two, done = ({"seq": n, "type": kind} for n, kind in ((1, "state"), (2, "metric"), (3, "done")))
    half = f"id: 2\ndata: {json.dumps(two)}\n"
    stub = Stub(
        httpx.Response(200, json=RUN),
        sse(one, end=half),
        httpx.ConnectError("refused"),
        problem(503, "draining", **{"Retry-After": "2"}),
        sse(two, done),
    )
    run = stub.client.runs.get(RUN["id"])
    assert [event["seq"] for event in run.events()] == [1, 2, 3]
    assert [headers.get("Last-Event-ID") for _, headers, _ in stub.requests[1:]] == [None, "1", "1", "1"]
    assert stub.slept == [0.25, 0.5, 2.0]


def test_a_stream_after_the_end_is_empty():
    stub = Stub(httpx.Response(200, json=RUN), httpx.Response(204))
    assert list(stub.client.runs.get(RUN["id"]).events(after=9)) == []
    assert stub.requests[1][1]["Last-Event-ID"] == "9"


def test_without_a_token_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("DESCENT_TOKEN")
    with pytest.raises(descent.MissingToken, match=r"admin\.token"):
        descent.Client()


def test_address_and_token_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DESCENT_URL", "http://elsewhere:1/")
    monkeypatch.setenv("DESCENT_TOKEN", "dsc_env\n")
    client = descent.Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"seen": str(request.url), **request.headers}))
    )
    answer = client.queue()
    assert (answer["seen"], answer["authorization"]) == ("http://elsewhere:1/v1/queue", "Bearer dsc_env")
    assert "dsc_env" not in repr(client)
    monkeypatch.delenv("DESCENT_URL")
    assert descent.Client().url == "http://127.0.0.1:8080"
