"""The settings of the LTI tool."""

from pathlib import Path

import pytest

from grader.service.lti import lti_options
from serving.lti.errors import LtiError
from serving.store.store import open_store


@pytest.mark.parametrize(
    "url",
    [
        "grader.example",
        "https://",
        "ftp://grader.example",
        "https://a@b.example",
        "https://b.example/?x",
        "https://b.example/#",
    ],
)
def test_an_unusable_public_address_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_PUBLIC_URL", url)
    store = open_store(str(tmp_path / "store.db"))
    with pytest.raises(LtiError) as caught:
        lti_options(store, b"k" * 32)
    store.close()
    assert caught.value.code == "lti-public-url"


def test_the_tool_has_the_configured_address_keys_and_allow_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_PUBLIC_URL", " https://grader.example/sub/ ")
    monkeypatch.setenv("GRADER_LTI_KEYS", str(tmp_path / "keys.json"))
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", "https://moodle.campus.example")
    store = open_store(str(tmp_path / "store.db"))
    found = lti_options(store, b"k" * 32)
    store.close()
    assert found.tool.launch_url == "https://grader.example/sub/lti/launch"
    assert found.keys.path == tmp_path / "keys.json" and len(found.policy.allowed) == 1
