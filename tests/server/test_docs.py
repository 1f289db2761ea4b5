"""What deploy/ says to run can be run."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from finops_pack.cli import _commands

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"(?:\bexec \w+ |bin/)(finops [a-z].*)")


def commands():
    """(file, command line) of every `finops …` in them."""
    for path in (ROOT / "deploy").iterdir():
        yield from ((path.name, line) for line in COMMAND.findall(path.read_text()))


@pytest.mark.parametrize(("name", "line"), sorted(commands()))
def test_it_parses(name, line):
    _, command, *words = shlex.split(line, comments=True)
    _commands.parser_for(command).parse_args(words)


def test_there_are_commands():
    assert len(list(commands())) >= 2


def test_the_container_copies_what_the_wheel_is_made_of():
    text = (ROOT / "deploy" / "Containerfile").read_text()
    for name in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for part in name.split():
            assert (ROOT / part).exists(), part


def test_the_container_runs_our_command():
    text = (ROOT / "deploy" / "Containerfile").read_text()
    program, command, *words = json.loads(re.findall(r"^CMD (\[.+\])$", text, re.MULTILINE)[0])
    assert (program, command) == ("finops", "serve")
    kept = Path(_commands.parser_for(command).parse_args(words).ledgers)
    (volume,) = re.findall(r"^VOLUME (\S+)$", text, re.MULTILINE)
    assert kept.is_relative_to(volume), "ledgers would end with the container"


def test_the_container_believes_the_proxy_on_its_host_and_nobody_before_it(site):
    text = (ROOT / "deploy" / "Containerfile").read_text()
    (believed,) = re.findall(r"^ENV FORWARDED_ALLOW_IPS=(\S+)$", text, re.MULTILINE)
    app = ProxyHeadersMiddleware(site.client.app, believed)
    client = TestClient(app, client=("172.17.0.1", 5000))
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    assert "secure" in client.get("/login", headers=told).headers["set-cookie"].lower()
    body = {"email": "a@b.test", "password": "wrong"}
    client.post("/api/finops/login", json=body, headers=told)
    counted = {row["bucket"] for row in site.db.read("SELECT bucket FROM failure")}
    assert "address:203.0.113.9" in counted


def test_compose_names_only_what_it_declares():
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"server", "database"}
    assert all(port.startswith("127.0.0.1:") for port in services["server"]["ports"])
    volumes = {v.partition(":")[0] for s in services.values() for v in s.get("volumes", ())}
    assert volumes == set(compose["volumes"])
    assert services["server"]["read_only"] is True
    assert "ledgers:/data" in services["server"]["volumes"], "nothing else can be written"
    (needed,) = services["server"]["depends_on"]
    assert services[needed]["healthcheck"]
    build = services["server"]["build"]
    assert (ROOT / "deploy" / build["context"] / build["dockerfile"]).is_file()


def test_the_unit_is_one():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(ROOT / "deploy" / "finops.service")
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    store = unit["Service"]["Environment"].partition("=")[2]
    assert Path(store).parent == Path("/var/lib") / unit["Service"]["StateDirectory"]


def test_the_units_first_account_is_made_where_the_unit_looks():
    text = (ROOT / "deploy" / "finops.service").read_text()
    (kept,) = re.findall(r"^Environment=FINOPS_SERVER_DB=(\S+)$", text, re.MULTILINE)
    made = [line for line in COMMAND.findall(text) if "--create-account" in line]
    assert [shlex.split(line)[shlex.split(line).index("--db") + 1] for line in made] == [kept]
