"""The audit is good only when everything was looked at."""

from __future__ import annotations

from dev.audit import verdict

SOUND = {"name": "flask", "version": "3.1", "vulns": []}
FLAWED = {"name": "jinja2", "version": "3.0", "vulns": [{"id": "CVE-1", "fix_versions": ["3.1"]}]}
UNKNOWN = {"name": "redis", "skip_reason": "not found"}


def test_when_all_are_sound_it_is_good() -> None:
    assert verdict({"dependencies": [SOUND]}) == (["1 packages, none with a known vulnerability."], 0)


def test_a_vulnerable_package_is_named_with_its_remedy() -> None:
    assert verdict({"dependencies": [SOUND, FLAWED]}) == (["jinja2 3.0: CVE-1, mended in 3.1"], 1)


def test_what_could_not_be_audited_is_no_good_news() -> None:
    said, code = verdict({"dependencies": [SOUND, UNKNOWN]})
    assert code == 1
    assert said[0].startswith("1 of 2 packages could not be audited")
