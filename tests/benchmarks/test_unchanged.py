"""What two checkouts give is compared by content, seconds left out."""

import io
import json
import zipfile

from benchmarks.unchanged import compare, fingerprint, main


def test_a_thing_that_one_side_lacks_or_has_otherwise_is_told():
    before = {"same": "1", "other": "1", "gone": "1"}
    after = {"same": "1", "other": "2", "new": "1"}
    assert list(compare(before, after)) == ["gone: gone", "new: new", "other: differs"]
    assert not list(compare(before, before))


def test_seconds_do_not_count_and_figures_do():
    def of(name: str, text: str) -> dict[str, str]:
        return fingerprint(name, text.encode())

    facts = {"score": 1.5, "seconds": {"network": 0.3}, "weights": [{"name": "a", "seconds": 2}]}
    slower = {"score": 1.5, "seconds": {"network": 0.9}, "weights": [{"name": "a", "seconds": 5}]}
    assert of("a.json", json.dumps(facts)) == of("a.json", json.dumps(slower))
    assert of("a.json", json.dumps(facts)) != of("a.json", json.dumps(facts | {"score": 1.6}))
    assert of("a.jsonl", json.dumps(facts) + "\n") == of("a.jsonl", json.dumps(slower) + "\n")
    assert of("a.csv", "name,seconds\nx,0.3\n") == of("a.csv", "name,seconds\nx,0.9\n")
    assert of("a.csv", "name,seconds\nx,0.3\n") != of("a.csv", "name,seconds\ny,0.3\n")
    assert of("a.png", "pixels") != of("a.png", "others")


def test_an_archive_is_compared_file_by_file():
    def archive(second: float, text: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("facts.json", json.dumps({"seconds": second}))
            file.writestr("notes.txt", text)
        return buffer.getvalue()

    one, slower, other = (fingerprint("all.zip", archive(*given)) for given in ((1, "a"), (2, "a"), (1, "b")))
    assert one == slower and set(one) == {"all.zip/facts.json", "all.zip/notes.txt"}
    assert [name for name in one if one[name] != other[name]] == ["all.zip/notes.txt"]


def test_a_checkout_is_kept_and_compared(tmp_path, monkeypatch, capsys):
    given = iter([{"a": "1", "b": "1"}, {"a": "1", "b": "1"}, {"a": "2", "b": "1"}])
    monkeypatch.setattr("benchmarks.unchanged._all", lambda checkout, args: next(given).items())
    words = [str(tmp_path), "--photos", str(tmp_path)]
    kept = str(tmp_path / "before.json")
    assert main([*words, "--save", kept]) == 0
    assert main([*words, "--against", kept]) == 0 and "0 differ" in capsys.readouterr().out
    assert main([*words, "--against", kept]) == 1 and "a: differs" in capsys.readouterr().out
