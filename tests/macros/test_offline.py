import gzip
import hashlib
import json

from macros import offline

FILES = {
    "index.html": "home",
    "404.html": "none",
    "a/b/index.html": "page",
    "a/b/index.md": "text",
    "assets/x.js": "x",
    "a/b/index.json": "data" * 50,
    "a/picture.webp": "picture",
    "all.pdf": "pdf",
    "assets/cards/6.png": "card",
    "sitemap.xml": "map",
    "sitemap.xml.gz": "map",
    "assets/javascripts/bundle.js": "joined",
    "assets/javascripts/redirect.js": "moved",
    "assets/stylesheets/theme.min.css": "joined",
    "assets/stylesheets/own.css": "own",
    "assets/reindex.html": "other",
    ".nojekyll": "host's",
    offline.SOURCE: "answer();\n",
}


def written(folder, files=FILES):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    offline.write(folder)
    return json.loads((folder / offline.LIST).read_text())


def test_the_list_has_what_a_reader_can_open_by_its_address(tmp_path):
    content = written(tmp_path)
    found = {file["address"]: file for file in content["files"]}
    assert list(found) == [
        "404.html",
        "a/b/",
        "a/b/index.json",
        "a/b/index.md",
        "a/picture.webp",
        "assets/javascripts/redirect.js",
        "assets/reindex.html",
        "assets/stylesheets/own.css",
        "assets/x.js",
        "",
    ]
    assert found["a/b/"]["sha256"] == hashlib.sha256(b"page").hexdigest()
    assert found["a/picture.webp"]["bytes"] == len("picture")
    assert "packed" not in found["a/picture.webp"]
    assert found["a/b/index.json"]["packed"] is True
    assert found["a/b/index.json"]["bytes"] == len(gzip.compress(b"data" * 50, 6)) < 50
    assert content["bytes"] == sum(file["bytes"] for file in content["files"])


def test_the_worker_knows_its_release_and_changes_with_any_kept_file(tmp_path):
    releases = []
    changes = ({}, {}, {"a/b/index.html": "changed"}, {offline.SOURCE: "other();\n"}, {"all.pdf": "other"})
    for change in changes:
        content = written(tmp_path, {**FILES, **dict(change)})
        worker = (tmp_path / offline.WORKER).read_text()
        assert worker.splitlines()[0] == f'const RELEASE = "{content["release"]}";'
        releases.append(content["release"])
    assert releases[0] == releases[1] == releases[4]
    assert len(set(releases)) == 3
