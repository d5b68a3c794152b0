"""The OpenAPI document tells the truth: schemathesis asks the server all that it describes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import schemathesis

from sessionwire.gateways.auth.answers import ANSWERS
from sessionwire.gateways.auth.openapi import openapi
from sessionwire.gateways.auth.routes import ENDPOINTS

if TYPE_CHECKING:
    from support.server import Running

DOCUMENT = openapi(ENDPOINTS, version="0")

ENDS_THE_SESSION = (
    "/sign-out",
    "/sign-up/email",
    "/sign-in/email",
    "/revoke-session",
    "/revoke-sessions",
    "/delete-user",
    "/change-password",
)
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)


def test_every_endpoint_is_described_and_nothing_else_is() -> None:
    described = {each for each in ANSWERS if each != ("GET", "/error")}
    assert described == {(each.method, each.path) for each in ENDPOINTS}


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_the_command_prints_it() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "sessionwire", "openapi"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(printed.stdout)["paths"].keys() == DOCUMENT["paths"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "signed out"])
async def test_no_request_that_it_allows_or_forbids_is_answered_otherwise(
    server: Running, tmp_path: Path, signed_in: bool
) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT))
    arguments = ["--header", f"Origin: {server.address}"]
    if signed_in:
        http = await server.sign_up("Fuzzed")
        cookies = "; ".join(f"{each.name}={each.value}" for each in http.cookies.jar)
        arguments += ["--header", f"Cookie: {cookies}"]
        for each in ENDS_THE_SESSION:
            arguments += ["--exclude-path", each]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("run", path, "--url", f"{server.address}/api/auth", "--checks", CHECKS),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"),
        *("--no-shrink", "--warnings", "off", "--no-color", "--request-timeout", "10"),
        *(
            "--suppress-health-check",
            "all",
            "--max-redirects",
            "0",
            "--generation-database",
            "none",
        ),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    async with asyncio.timeout(120):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()[-6000:]
