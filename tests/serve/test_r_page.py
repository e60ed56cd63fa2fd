"""The calls of docs/how-to/r.md, replayed: every httr2 pipeline is turned into its request and sent."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .test_app import serving

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "r.md"


class Reader:
    """Reads the few expressions of R that the page uses: texts, numbers, c(), list(), names, state$id."""

    def __init__(self, text, names):
        self.text, self.at, self.names = text, 0, names

    def arguments(self):
        """Arguments up to the closing bracket, unnamed and named."""
        plain, named = [], {}
        while True:
            self.skip()
            if self.text[self.at] == ")":
                self.at += 1
                return plain, named
            if match := re.compile(r"([A-Za-z_.]\w*)\s*=\s*").match(self.text, self.at):
                self.at = match.end()
                named[match[1]] = self.value()
            else:
                plain.append(self.value())
            self.skip()
            if self.text[self.at] == ",":
                self.at += 1

    def skip(self):
        while self.text[self.at].isspace():
            self.at += 1

    def value(self):
        self.skip()
        if self.text[self.at] in "\"'":
            quote = self.text[self.at]
            end = self.text.index(quote, self.at + 1)
            found, self.at = self.text[self.at + 1 : end], end + 1
            return found
        for pattern, convert in ((r"-?\d+(\.\d+)?", float), (r"TRUE|FALSE", lambda text: text == "TRUE")):
            if match := re.compile(pattern).match(self.text, self.at):
                self.at = match.end()
                return convert(match[0])
        if match := re.compile(r"(c|list)\(").match(self.text, self.at):
            self.at = match.end()
            plain, named = self.arguments()
            found = named or plain
            return found[0] if match[1] == "c" and found == plain and len(plain) == 1 else found
        match = re.compile(r"[\w$.]+").match(self.text, self.at)
        self.at = match.end()
        return self.names[match[0]]


def pipelines(text, names):
    """Requests of a page: method, path, query, headers, body."""
    code = "\n".join(re.findall(r"```r\n(.*?)```", text, re.DOTALL))
    for start in [match.end() for match in re.finditer(r"request\(base\)", code)]:
        path, query, headers, body = [], {}, {}, None
        at = start
        while match := re.compile(r"\s*\|>\s*(\w+)\(").match(code, at):
            reader = Reader(code, names)
            reader.at = match.end()
            if match[1] == "req_perform":
                break
            plain, named = reader.arguments()
            at = reader.at
            if match[1] == "req_url_path_append":
                path += plain
            elif match[1] == "req_url_query":
                query |= named
            elif match[1] == "req_headers":
                headers |= named
            elif match[1] == "req_body_json":
                body = plain[0]
            else:
                raise AssertionError(f"{match[1]}: not known to this test")
        yield "/" + "/".join(path), query, headers, body


def test_every_call_of_the_page_is_answered(client):
    names, seen = {"state$id": None}, []
    for path, query, headers, body in pipelines(PAGE.read_text(), names):
        if body is None:
            response = client.get(path, params=query, headers=headers)
        else:
            response = client.post(path, json=body, headers=headers)
        assert response.status_code in (200, 202), (path, response.text)
        if path == "/api/queries":
            names["state$id"] = response.json()["id"]
            while client.get(f"/api/queries/{names['state$id']}").json()["status"] != "done":
                pass
        seen.append(path.replace(names["state$id"] or "-", "ID"))
        if path.endswith("perts.tsv"):
            assert response.text.startswith("rank\tpert_iname\t")
        if query.get("filter"):
            rows = response.json()
            assert 0 < len(rows) <= 10 and all(row["tas"] >= 0.2 for row in rows)
    assert seen == [
        "/api/queries", "/api/queries/ID", "/api/queries/ID/perts.tsv", "/api/queries/ID/export",
        "/api/queries/ID/export",
        "/api/sigs/values", "/api/genes/check", "/api/search", "/api/perts/drug-3", "/api/sigs",
    ]  # fmt: skip


def test_the_reader_of_r_reads_what_it_should():
    reader = Reader('list(a = c("x", "y"), b = list("z"), d = 1.5, e = TRUE, f = state$id)', {"state$id": "k"})
    assert reader.value() == {"a": ["x", "y"], "b": ["z"], "d": 1.5, "e": True, "f": "k"}
    assert json.dumps(Reader('c("one")', {}).value()) == '"one"', "as R does"
    with pytest.raises(KeyError):
        Reader("unknown", {}).value()


def has_r(*packages):
    """Whether R is there with some packages."""
    words = "; ".join(f'stopifnot(requireNamespace("{name}", quietly = TRUE))' for name in packages)
    return shutil.which("Rscript") and subprocess.run(["Rscript", "-e", words], capture_output=True).returncode == 0


def test_calls_of_packages_for_clue_run_in_r(open_index, tmp_path):
    (code,) = [
        block for block in re.findall(r"```r\n(.*?)```", PAGE.read_text(), re.DOTALL) if "library(httr)" in block
    ]
    assert "findByJobId" in code and "http://127.0.0.1:8765" in code
    if not has_r("httr", "jsonlite"):
        pytest.skip("R with httr and jsonlite is not installed")
    with serving(open_index) as site:
        said = """
stopifnot(state$status == "completed", status_code(found) == 200, length(records) == 2)
stopifnot(length(records[[1]]$up50_lm) == 50, nchar(records[[1]]$sig_id) > 3)
cat(toJSON(list(n = nrow(best), top = best$id[1:3], score = best$norm_cs[1:3])))
"""
        script = tmp_path / "page.R"
        script.write_text(code.replace("http://127.0.0.1:8765", site) + said)
        done = subprocess.run(["Rscript", script.name], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    expected = open_index.query(up=["CDKN1A", "GADD45A", "PSME1", "ATF1", "STAT1"])
    assert found["n"] == [150] or found["n"] == 150
    assert found["top"] == expected["sig_id"].head(3).tolist()


def test_every_block_of_the_page_is_r(tmp_path):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    blocks = re.findall(r"```r\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 6
    for place, block in enumerate(blocks):
        (tmp_path / f"{place}.R").write_text(block)
    words = 'for (name in list.files(pattern = "[.]R$")) parse(name)'
    done = subprocess.run(["Rscript", "-e", words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
