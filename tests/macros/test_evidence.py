import pytest

from macros import evidence
from macros.faults import SourceError

MANIFEST = """\
requests.csv:
  origin: compressed
  what: One row a request
  columns:
    at_s: start, seconds
log.txt:
  origin: captured
  what: The log
"""


def package(folder, manifest=MANIFEST, **files):
    (folder / "evidence").mkdir()
    if manifest is not None:
        (folder / "evidence.yml").write_text(manifest)
    for name, text in ({"requests.csv": "at_s\n1\n", "log.txt": "started\n"} | files).items():
        if text is not None:
            (folder / "evidence" / name).write_text(text)
    return folder


def fault_of(folder):
    with pytest.raises(SourceError) as caught:
        evidence.load(folder)
    (fault,) = caught.value.faults
    return fault


def test_files_come_in_the_manifests_order_and_are_published_with_a_readme(tmp_path):
    files = evidence.load(package(tmp_path))
    assert [file.name for file in files] == ["requests.csv", "log.txt"]
    published = evidence.published("a-drill", files)
    assert list(published) == [
        f"evidence/a-drill/{name}" for name in ("requests.csv", "log.txt", "README.txt")
    ]
    assert published["evidence/a-drill/requests.csv"] == "at_s\n1\n"
    assert published["evidence/a-drill/README.txt"] == (
        "requests.csv (captured from a run, time compressed)\n  One row a request\n  at_s: start, seconds\n\n"
        "log.txt (captured from a run)\n  The log\n"
    )


def test_a_package_without_a_manifest_has_no_evidence(tmp_path):
    assert evidence.load(tmp_path) == ()
    assert evidence.published("a-drill", ()) == {}


def test_a_described_file_is_there(tmp_path):
    fault = fault_of(package(tmp_path, **{"log.txt": None}))
    assert (fault.file.name, fault.line) == ("evidence.yml", 6)
    assert "`log.txt`" in fault.fault


def test_a_file_is_described(tmp_path):
    fault = fault_of(package(tmp_path, **{"heap.txt": "x"}))
    assert fault.file.name == "heap.txt"
    assert "describe it in evidence.yml" in fault.mend


@pytest.mark.parametrize(
    ("manifest", "line", "mend"),
    [
        ("requests.csv: [\n", 2, "mend the YAML"),
        ("requests.csv: x\nrequests.csv: x", 2, "keep one of them"),
        (
            "log.txt: {origin: captured, what: x}\nrequests.csv:\n  origin: invented\n  what: x",
            3,
            "simulated",
        ),
        ("requests.csv: {what: x}", 1, "captured, compressed, simulated"),
        ("x", 1, "key: value"),
        ("", 1, "key: value"),
    ],
)
def test_a_manifest_says_how_each_file_came_about(tmp_path, manifest, line, mend):
    fault = fault_of(package(tmp_path, manifest))
    assert (fault.file.name, fault.line) == ("evidence.yml", line)
    assert mend in fault.mend


def test_a_drill_is_less_than_a_megabyte(tmp_path):
    big = "x" * (evidence.MOST_BYTES - len("at_s\n1\n") - 1)
    assert evidence.load(package(tmp_path, **{"log.txt": big}))
    (tmp_path / "evidence" / "log.txt").write_text(big + "x")
    assert "1,000,000 bytes" in fault_of(tmp_path).fault
