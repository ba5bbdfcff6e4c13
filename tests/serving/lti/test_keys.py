"""The keys of the tool are private, rotated and published."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from serving.lti.errors import LtiError
from serving.lti.keys import LIMITS, ToolKeys

START = datetime(2026, 9, 1, tzinfo=UTC)


def published(keys: ToolKeys, now: datetime) -> list[str]:
    return [each["kid"] for each in keys.public_set(now)["keys"]]


def test_a_token_is_verified_with_the_published_set_and_no_private_part_is_in_it(tmp_path: Path) -> None:
    keys = ToolKeys(tmp_path / "data" / "keys.json")
    signing = keys.signing()
    token = jwt.encode({"iss": "c1"}, signing.key, "RS256", headers={"kid": signing.kid})
    [entry] = keys.public_set()["keys"]
    assert set(entry) == {"kty", "n", "e", "kid", "alg", "use"} and entry["kid"] == signing.kid
    assert jwt.decode(token, jwt.PyJWK(entry).key, ["RS256"]) == {"iss": "c1"}
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert ToolKeys(keys.path).signing().kid == signing.kid
    assert [each.name for each in keys.path.parent.iterdir()] == ["keys.json"]


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(tmp_path: Path) -> None:
    keys = ToolKeys(tmp_path / "keys.json")
    old = keys.signing().kid
    start = datetime.now(UTC)
    new = keys.rotate(now=start)
    before, later = (
        start + timedelta(hours=LIMITS.key_publish_hours - 1),
        start + timedelta(hours=LIMITS.key_publish_hours),
    )
    assert (keys.signing(before).kid, published(keys, before)) == (old, [old, new])
    assert (keys.signing(later).kid, published(keys, later)) == (new, [old, new])
    ended = later + timedelta(hours=LIMITS.key_retain_hours)
    assert (keys.signing(ended).kid, published(keys, ended)) == (new, [new])
    assert keys.rotate(now=ended) != new and old not in keys.path.read_text()


def test_a_leaked_key_is_removed_at_once(tmp_path: Path) -> None:
    keys = ToolKeys(tmp_path / "keys.json")
    keys.rotate(now=START)
    new = keys.rotate(at_once=True)
    assert keys.signing().kid == new and published(keys, datetime.now(UTC)) == [new]


@pytest.mark.parametrize("fault", ["readable", "empty list", "not JSON", "not a key"])
def test_an_unusable_key_file_is_refused_without_its_content(tmp_path: Path, fault: str) -> None:
    keys = ToolKeys(tmp_path / "keys.json")
    keys.signing()
    if fault == "readable":
        keys.path.chmod(0o640)
    else:
        text = {"empty list": "[]", "not JSON": "SECRET", "not a key": '[{"created_at": "", "pem": "SECRET"}]'}[fault]
        keys.path.write_text(text)
    with pytest.raises(LtiError) as caught:
        keys.public_set()
    assert caught.value.code == "lti-keys" and "SECRET" not in str(caught.value)
