"""The policy of a page (macros/policy.py), as the browser keeps it: what is injected does nothing.

test_build.py looks at the policy of every page. That it refuses nothing that the site does is proven by all other tests in a browser: conftest.py's `Watch` fails the one on whose
page the policy refuses anything.
"""

from __future__ import annotations

from playwright.sync_api import Route

from tests.site.conftest import PRINT, NewPage, Site, Watch

# What an attacker would write into a page, if one could, and the part of the policy that refuses it.
ELSEWHERE = "https://elsewhere.example"
INJECTED = {
    "<script>pwned()</script>": "script-src-elem",
    f'<script src="{ELSEWHERE}/x.js"></script>': "script-src-elem",
    '<img src="data:,x" onerror="pwned()" alt="">': "script-src-attr",
    '<svg onload="pwned()"></svg>': "script-src-attr",
    f'<img src="{ELSEWHERE}/x.png" alt="">': "img-src",
    f'<link rel="stylesheet" href="{ELSEWHERE}/x.css">': "style-src-elem",
    "<style>html { --pwned: 1 }</style>": "style-src-elem",
    '<p style="--pwned: 1">': "style-src-attr",
    f'<iframe src="{ELSEWHERE}/"></iframe>': "frame-src",
    '<iframe srcdoc="&lt;script>parent.pwned()&lt;/script>"></iframe>': "script-src-elem",
    f'<object data="{ELSEWHERE}/"></object>': "object-src",
    f'<video src="{ELSEWHERE}/x.mp4"></video>': "media-src",
    f'<base href="{ELSEWHERE}/">': "base-uri",
    '<a id="evil-link" href="javascript:pwned()">x</a>': "script-src-elem",
    f'<form id="evil-form" action="{ELSEWHERE}/"><input name="x"></form>': "form-action",
}

# The same by a script of this site that can be made to do what it should not. It comes as a file, since what a test evaluates
# itself may do more than a page's script.
TRIES = """
const elsewhere = "%s";
async function attempted() {
  document.getElementById("evil-link").click();
  document.getElementById("evil-form").submit();
  const place = document.createElement("p");
  const tries = [
    () => (place.innerHTML = "<img src=x onerror=pwned()>"),
    () => (document.createElement("script").text = "pwned()"),
    () => setTimeout("pwned()"),
    () => new Function("pwned()")(),
    () => trustedTypes.createPolicy("another", { createHTML: (text) => text }),
    () => new Worker("/x.js"),
    () => navigator.sendBeacon(elsewhere),
    () => new WebSocket(elsewhere.replace("https", "wss")),
    () => fetch(elsewhere),
  ];
  for (const one of tries) {
    try {
      await one();
    } catch {
      // Refused, as it should be.
    }
  }
}
"""


# The page of each template: a question, one that a script makes, the one for wrong addresses, the one that is made of others.
PAGES = ("questions/technical/rate-limiting/", "plans/builder/", "404.html", PRINT)


def fulfill(route: Route, body: str, kind: str) -> None:
    route.fulfill(body=body, content_type=f"{kind}; charset=utf-8")


def test_what_is_injected_does_nothing(site: Site, new_page: NewPage, watch: Watch) -> None:
    page = new_page()
    page.add_init_script(
        """window.refused = new Set();
        window.pwned = () => { window.ran = true; };
        addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.add(effectiveDirective));"""
    )
    injected = "\n".join([*INJECTED, f'<script src="{site.url}tries.js"></script>'])
    bodies = {site.url + a: site.html(a).replace("</body>", f"{injected}</body>") for a in PAGES}
    page.route(
        lambda url: url in bodies, lambda route: fulfill(route, bodies[route.request.url], "text/html")
    )
    page.route("**/tries.js", lambda route: fulfill(route, TRIES % ELSEWHERE, "text/javascript"))
    reached: list[str] = []
    page.route(f"{ELSEWHERE}/**", lambda route: reached.append(route.request.url))
    expected = {*INJECTED.values(), "connect-src", "require-trusted-types-for", "trusted-types"}
    for address in PAGES:
        page.goto(address)
        # In a task of the page's own: what an evaluation does at once may do more.
        page.evaluate("new Promise((done) => setTimeout(() => attempted().then(done)))")
        page.wait_for_function("(count) => refused.size >= count", arg=len(expected))
        assert set(page.evaluate("[...refused]")) == expected, address
        assert not page.evaluate("window.ran"), f"{address}: a script ran"
        style = "getComputedStyle(document.documentElement).getPropertyValue('--pwned')"
        assert page.evaluate(style) == "", f"{address}: a style was taken"
    assert not reached
    watch.problems.clear()
