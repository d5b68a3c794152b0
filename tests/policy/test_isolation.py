from __future__ import annotations

import pytest

from sessionwire.policy.isolation import may_fetch
from sessionwire.policy.origins import Fetch, Origins

ORIGINS = Origins("https://app.test", ["https://*.example.com"])


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("site", [None, "same-origin"])
def test_our_own_pages_and_what_is_no_browser_pass(site: str | None, reads: bool) -> None:
    assert may_fetch(Fetch(site=site), ORIGINS, reads=reads)


def test_a_link_from_elsewhere_opens_a_tab_but_no_frame() -> None:
    for dest, allowed in (("document", True), ("iframe", False), ("embed", False), (None, False)):
        fetch = Fetch(site="cross-site", mode="navigate", dest=dest)
        assert may_fetch(fetch, ORIGINS, reads=True) is allowed
        assert not may_fetch(fetch, ORIGINS, reads=False)


def test_a_trusted_page_fetches_from_another_site() -> None:
    for origin, allowed in (
        ("https://a.example.com", True),
        ("https://evil.test", False),
        ("https://app.test", False),  # it contradicts the site
        (None, False),
    ):
        for site in ("same-site", "cross-site"):
            fetch = Fetch(site=site, mode="cors", dest="empty", origin=origin)
            assert may_fetch(fetch, ORIGINS, reads=False) is allowed


def test_an_unknown_word_is_no_permission() -> None:
    assert not may_fetch(Fetch(site="Same-Origin"), ORIGINS, reads=True)
    assert not may_fetch(Fetch(site="", origin="https://a.example.com"), ORIGINS, reads=True)
