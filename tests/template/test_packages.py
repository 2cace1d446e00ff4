"""What functions import is in their layers. On a laptop they would find the laptop's packages as well, and the gap stay hidden."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import botocore.session
from botocore.loaders import Loader

from tests.template.reading import ROOT

OURS = {"mart_union", *(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())}
TOOLS = {"mart_union/web/openapi.py"}
"""Files that are run when building, never by a function."""


def names_of(lock: Path) -> set[str]:
    return {match.lower().replace("_", "-") for match in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.M)}


def imports_of(folder: Path) -> dict[str, str]:
    """Modules of others that a folder's code imports, each with one of the files that do."""
    found = {}
    for path in folder.rglob("*.py"):
        if any(path.as_posix().endswith(tool) for tool in TOOLS):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: path for name, path in found.items() if name not in OURS | sys.stdlib_module_names}


def missing(imports: dict[str, str], packages: set[str]) -> dict[str, str]:
    owners = packages_distributions()
    return {
        module: path
        for module, path in imports.items()
        if not {name.lower().replace("_", "-") for name in owners.get(module, [])} & packages
    }


def test_the_layers_have_what_the_functions_import() -> None:
    layer = names_of(ROOT / "layers" / "dependencies" / "requirements.txt")
    router = names_of(ROOT / "functions" / "router" / "requirements.txt")
    assert not missing(imports_of(ROOT / "layers" / "core"), layer)
    assert not missing(imports_of(ROOT / "functions"), layer | router)


def test_the_locks_agree_and_name_no_address() -> None:
    laptop = (ROOT / "requirements-dev.txt").read_text()
    assert "://" not in laptop
    for lock in (ROOT / "layers" / "dependencies", ROOT / "functions" / "router"):
        text = (lock / "requirements.txt").read_text()
        assert "://" not in text
        assert set(re.findall(r"^\S+==\S+", text, re.M)) <= set(re.findall(r"^\S+==\S+", laptop, re.M))


def test_the_layer_describes_the_aws_services_that_the_code_calls_and_no_others() -> None:
    code = "".join(
        path.read_text() for folder in ("layers/core", "functions") for path in (ROOT / folder).rglob("*.py")
    )
    called = set(re.findall(r"create_client\(\s*\"([a-z0-9-]+)\"", code))
    assert set((ROOT / "layers" / "dependencies" / "services.txt").read_text().split()) == called


def test_trimmed_descriptions_make_the_same_clients(tmp_path: Path) -> None:
    folder = ROOT / "layers" / "dependencies"
    services = (folder / "services.txt").read_text().split()
    installed, trimmed = Path(botocore.__file__).parent / "data", tmp_path / "data"
    kept = {*services, *(each.name for each in installed.iterdir() if each.is_file())}
    trimmed.mkdir()
    for name in kept:
        (shutil.copytree if (installed / name).is_dir() else shutil.copy)(installed / name, trimmed / name)
    subprocess.run([sys.executable, str(folder / "trim.py"), str(trimmed), str(folder / "services.txt")], check=True)
    before, after = _session(installed), _session(trimmed)
    for service in services:
        for region in ("us-east-1", "ap-northeast-1", "cn-north-1", "us-gov-west-1"):
            assert _client_facts(after, service, region) == _client_facts(before, service, region)
    form = after.create_client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    assert form.generate_presigned_post("bucket", "key")["fields"]["key"] == "key"
    assert sum(each.stat().st_size for each in trimmed.glob("dynamodb/*/service-2*")) < 150_000


def _session(data: Path) -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", Loader([str(data)], include_default_search_paths=False))
    return session


def _client_facts(session: botocore.session.Session, service: str, region: str) -> tuple[str, str, list[str]]:
    client = session.create_client(service, region, aws_access_key_id="a", aws_secret_access_key="b")
    signing = client._request_signer
    names = client.meta.service_model.operation_names
    return client.meta.endpoint_url, f"{signing.signing_name} {signing.region_name}", names


def test_functions_run_on_what_the_layer_leaves_of_large_packages(tmp_path: Path) -> None:
    left_out = (ROOT / "layers" / "dependencies" / "left-out.txt").read_text().split()
    for package in sorted({path.partition("/")[0] for path in left_out}):
        whole = Path(importlib.util.find_spec(package).origin).parent  # type: ignore[union-attr, arg-type]
        shutil.copytree(whole, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in left_out:
        found = [each for each in tmp_path.glob(path) if each.is_dir()]
        assert found, f"{path} names nothing"
        for each in found:
            shutil.rmtree(each)
    places = [str(tmp_path), str(ROOT / "layers" / "core"), str(ROOT / "functions")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.stdout == "left\n", ran.stderr[-2000:]


_WITHOUT = """
import importlib, pathlib, sys
import stripe
from stdnum import iban

for path in pathlib.Path(sys.path[3]).iterdir():
    if (path / "app.py").is_file() and path.name != "router":
        importlib.import_module(f"{path.name}.app")
for number in ("GB82WEST12345698765432", "ES9121000418450200051332", "NO9386011117947", "DE89370400440532013000"):
    assert iban.is_valid(number), number
client = stripe.StripeClient("sk_test_key", base_addresses={"api": "http://127.0.0.1:9"}, max_network_retries=0)
for call in (
    lambda: client.v1.payment_intents.create(params={"amount": 100, "currency": "twd"}),
    lambda: client.v1.payment_intents.confirm("pi_1"),
    lambda: client.v1.payment_intents.capture("pi_1"),
    lambda: client.v1.payment_intents.cancel("pi_1"),
    lambda: client.v1.refunds.create(params={"payment_intent": "pi_1"}),
    lambda: client.v1.disputes.retrieve("dp_1"),
    lambda: client.v1.balance_transactions.list(),
):
    try:
        call()
    except stripe.APIConnectionError:
        continue
    raise SystemExit("nobody listens there")
try:
    stripe.Webhook.construct_event("{}", "t=1,v1=x", "whsec_key")
except stripe.SignatureVerificationError:
    print("left")
"""
