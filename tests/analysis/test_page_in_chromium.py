"""Pages as a browser shows them: what runs, what loads, what can be read."""

from __future__ import annotations

import json

import pytest

import chromium
from analysis import pages
from darkcall.analysis._page import page_of


PATH = chromium.found()

pytestmark = pytest.mark.skipif(PATH is None, reason=chromium.MISSING)

THEMES = ("light", "dark")

#: The ratio of contrast of each text with what is behind it, where it is too low.
LOW_CONTRAST = """
(() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = channels(colour).slice(0, 3).map(value => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("title, desc")) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [one, other] = [luminance(ink), luminance(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) found.push([walker.currentNode.textContent.trim().slice(0, 40), ink, ratio]);
  }
  return found;
})()
"""

#: What a reader who does not see, or has no mouse, would miss.
INACCESSIBLE = """
(() => {
  const found = [];
  const all = selector => [...document.querySelectorAll(selector)];
  const missing = (selector, what) => all(selector).forEach(
    element => found.push(`${what}: ${element.outerHTML.slice(0, 120)}`));
  for (const landmark of ["header", "main", "footer", "h1"])
    if (all(`body ${landmark}`).length !== 1) found.push(`${all(landmark).length} ${landmark}`);
  missing("table:not(:has(> caption))", "no caption");
  missing("th:not([scope])", "no scope");
  missing("svg:not([aria-hidden=true]):not([role=img])", "no role");
  missing("svg[role=img]:not(:has(> title:first-child + desc))", "no title");
  missing("figure:has(svg):not(:has(details table))", "no table of a chart");
  missing("section:not([aria-labelledby])", "no name");
  missing("details:not(:has(> summary:first-child))", "no summary");
  missing(".scroll:not([tabindex='0'][role=region][aria-label])", "cannot be scrolled by keys");
  let last = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) found.push(`h${level} after h${last}`);
    last = level;
  }
  for (const element of all("[aria-labelledby]"))
    for (const id of element.getAttribute("aria-labelledby").split(" "))
      if (!document.getElementById(id)?.textContent.trim()) found.push(`nothing at #${id}`);
  const ids = all("[id]").map(element => element.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  if (!document.documentElement.lang) found.push("no language");
  return found;
})()
"""

#: What a page of records must not have, whatever is in them.
ALIVE = """
(() => {
  const all = selector => [...document.querySelectorAll(selector)];
  return {
    scripts: document.scripts.length,
    title: document.title === "ran",
    frames: window.length,
    foreign: all("img, iframe, object, embed, link, form, base, video, audio, image, use").length,
    styles: document.styleSheets.length,
    handlers: all("*").filter(element =>
      [...element.attributes].some(({ name }) => /^on|^(style|src|xlink:href)$/.test(name))).length,
    links: all("[href]").filter(({ hash, href }) => !hash || !href.endsWith(hash)
      || !href.startsWith(location.href.split("#")[0])).length,
    hidden: getComputedStyle(document.body).display === "none",
  };
})()
"""
HARMLESS = {
    "scripts": 0,
    "title": False,
    "frames": 0,
    "foreign": 0,
    "styles": 1,
    "handlers": 0,
    "links": 0,
    "hidden": False,
}

OVERFLOWING = """
(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter(element => !element.closest(".scroll") && element.getBoundingClientRect().right > width)
    .map(element => element.outerHTML.slice(0, 120));
})()
"""

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    summary, judgement = pages.three_candidates()
    one, two = pages.a_candidate(), pages.a_plain_candidate(launch="b")
    verdicts = pages.judged(pages.a_judgement(), pages.a_judgement(launch="b"))
    made = {
        "three": page_of(summary, judgement),
        "one": page_of(pages.a_summary(one), pages.judged(pages.a_judgement())),
        "hostile": page_of(pages.poisoned(pages.a_summary(one, two)), pages.poisoned(verdicts)),
        "empty": page_of(pages.a_summary()),
    }
    for name, page in made.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = chromium.Browser(PATH, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, folder):
    """Open a page, and expect that the browser has nothing to complain of and nothing to load."""

    def opening(name, **how):
        path = folder / f"{name}.html"
        assert browser.open(path, **how) == []
        assert browser.requested == [path.as_uri()]
        return browser

    return opening


@pytest.mark.parametrize("name", ["three", "one", "hostile", "empty"])
def test_nothing_runs_and_nothing_is_loaded(opened, name):
    assert opened(name).ask(ALIVE) == HARMLESS


def test_the_policy_would_stop_what_got_through(browser, folder):
    page = (folder / "one.html").read_text(encoding="utf-8")
    through = (
        "<script>document.title='ran'</script><img src=https://example.invalid/x>"
        "<p style=color:red>"
    )
    path = folder / "through.html"
    path.write_text(page.replace("</main>", f"{through}</main>"), encoding="utf-8")
    heard = json.dumps(browser.open(path))

    for stopped in ("script-src", "img-src", "style-src"):
        assert stopped in heard
    assert browser.ask("document.title") != "ran"
    assert '"blockedReason": "csp"' in heard


def test_a_hostile_text_is_shown_as_it_is(opened):
    shown = opened("hostile").ask("document.body.textContent")

    for text in pages.HOSTILE[:3]:
        assert text in shown


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_stands_out_from_what_is_behind_it(opened, theme):
    browser = opened("three", theme=theme)
    browser.ask(OPEN_ALL)

    assert browser.ask(LOW_CONTRAST) == []


def test_a_text_that_does_not_stand_out_is_found(browser, folder):
    page = (folder / "one.html").read_text(encoding="utf-8")
    path = folder / "faint.html"
    # With another style sheet than the policy allows, which therefore has to go.
    path.write_text(
        page.replace("Content-Security-Policy", "none").replace(
            "--muted: #57606a", "--muted: #bbb"
        ),
        encoding="utf-8",
    )
    browser.open(path)

    assert len(browser.ask(LOW_CONTRAST)) > 20


def test_the_themes_differ(opened):
    grounds = {
        opened("one", theme=theme).ask("getComputedStyle(document.body).backgroundColor")
        for theme in THEMES
    }

    assert len(grounds) == 2


@pytest.mark.parametrize("name", ["three", "one", "empty"])
def test_a_reader_who_does_not_see_misses_nothing(opened, name):
    assert opened(name).ask(INACCESSIBLE) == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["three", "hostile", "empty"])
def test_no_page_is_wider_than_its_window(opened, name, width):
    browser = opened(name, width=width)
    browser.ask(OPEN_ALL)

    assert browser.ask(OVERFLOWING) == []


def test_the_first_key_leads_past_the_top(opened):
    browser = opened("one")
    browser.press("Tab", 9)

    assert browser.ask("document.activeElement.textContent") == "Skip to the content"
    assert browser.ask("document.activeElement.getBoundingClientRect().top >= 0")


def test_what_is_folded_is_printed(opened):
    browser = opened("one", media="print", theme="dark")

    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask(
        "[...document.querySelectorAll('.group .example')].every(one => one.checkVisibility()"
        " && one.getBoundingClientRect().height > 20)"
    )


def test_a_page_can_be_printed(opened):
    assert opened("three").pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_picture_is_taken(opened, tmp_path, theme, width):
    picture = opened("one", width=width, theme=theme).screenshot()
    (tmp_path / "page.png").write_bytes(picture)

    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000
