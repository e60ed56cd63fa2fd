"""Tables: what is downloaded is what is shown, they move by keys, and a million rows are as quick as ten."""

import csv
import io
from pathlib import Path

import pytest

from .test_ask import facet

pytestmark = pytest.mark.slow


def shown(page):
    """Header and rows of the table on the screen, as text."""
    head = page.locator("[role=grid] .head .cell").all_inner_texts()
    rows = page.locator("[role=grid] .item").all()
    return [one.replace("▾", "").replace("▴", "").strip() for one in head], [
        row.locator(".cell").all_inner_texts() for row in rows
    ]


def download(page, name):
    with page.expect_download() as caught:
        page.locator(".table .saves").first.get_by_role("button", name=name).click()
    return caught.value.suggested_filename, Path(caught.value.path()).read_text(encoding="utf-8")


def test_files_hold_the_rows_and_the_order_of_the_screen(tab, answer):
    page = tab.open(f"/q/{answer}/sigs?f=cell_id:MCF7|PC3&f=ncs>0.9&find=drug&sort=-tas")
    head, rows = shown(page)
    total = int(page.inner_text(".counts").split()[0])
    name, text = download(page, "TSV")
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    table = list(csv.DictReader(io.StringIO("\n".join(lines[len(comments) :])), delimiter="\t"))
    assert len(table) == total >= len(rows) > 3
    assert name.startswith("planted_signatures") and "MCF7" in name and "tas" in name and name.endswith(".tsv")
    assert any("Cell is MCF7 or PC3" in line for line in comments) and any("how sure" in line for line in comments)
    assert any(line.startswith("# tas: transcriptional activity") for line in comments)
    assert [row["sig_id"] for row in table][: len(rows)] == [row[head.index("Signature")] for row in rows]
    for row, line in zip(rows, table, strict=False):
        assert float(row[head.index("NCS")].replace("−", "-")) == pytest.approx(float(line["ncs"]), abs=0.0051)
        assert row[head.index("Name")] == line["pert_iname"] and line["cell_id"] in ("MCF7", "PC3")
    name, text = download(page, "GCT")
    lines = text.splitlines()
    assert name.endswith(".gct") and lines[0] == "#1.3"
    assert [line.split("\t")[0] for line in lines[3:]] == [row["sig_id"] for row in table]
    sizes = [int(part) for part in lines[1].split("\t")]
    assert sizes[0] == total and sizes[3] == 0 and sizes[1] + sizes[2] == len(lines[2].split("\t")) - 1
    name, text = download(page, "GMT")
    assert len(text.splitlines()) == 2 * min(total, 50) and text.split("\t")[0].endswith("_UP")


@pytest.mark.parametrize(("view", "name"), [("perts", "pert_iname"), ("classes", "class"), ("genes", "symbol")])
def test_every_table_of_an_answer_is_downloaded_as_shown(tab, answer, view, name):
    page = tab.open(f"/q/{answer}/{view}")
    head, rows = shown(page)
    _, text = download(page, "TSV")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    columns = lines[0].split("\t")
    place = columns.index(name)
    first = next(at for at, title in enumerate(head) if title in ("Name", "Mechanism", "Gene"))
    assert [line.split("\t")[place] for line in lines[1:]][: len(rows)] == [row[first] for row in rows]
    assert "strip" not in columns


def test_plots_are_downloaded(tab, answer):
    page = tab.open(f"/q/{answer}/heat")
    with page.expect_download() as caught:
        page.get_by_role("button", name="PNG").click()
    assert Path(caught.value.path()).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with page.expect_download() as caught:
        page.get_by_role("button", name="GCT").click()
    lines = Path(caught.value.path()).read_text(encoding="utf-8").splitlines()
    assert (lines[0] == "#1.3" and lines[2].split("\t")[1:] == sorted(lines[2].split("\t")[1:])) or len(lines) > 3
    page = tab.open(f"/q/{answer}/sigs?row=TOY001_A375_24H:BRD-K000:0")
    with page.expect_download() as caught:
        page.get_by_role("button", name="SVG").click()
    text = Path(caught.value.path()).read_text(encoding="utf-8")
    assert caught.value.suggested_filename.endswith(".svg") and text.startswith("<svg") and "var(" not in text


def test_the_whole_answer_is_downloaded(tab, answer):
    page = tab.open(f"/q/{answer}")
    page.get_by_text("Download", exact=True).first.click()
    for link, start in (
        ("One page (HTML), to send", b"<!doctype"),
        ("Everything (zip)", b"PK"),
        ("Sets as scored (GMT)", b"planted"),
    ):
        with page.expect_download() as caught:
            page.get_by_role("link", name=link).click()
        assert Path(caught.value.path()).read_bytes()[:9].lower().startswith(start.lower()), link


def test_keys_move_in_a_table_and_open_a_row(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "241"
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert grid.get_attribute("aria-activedescendant").endswith("-2-1")
    page.keyboard.press("Enter")
    tab.settle()
    assert "row=" in page.url and page.locator(".detail").is_visible() and page.locator(".item.open").count() == 1
    page.keyboard.press("Control+End")
    page.wait_for_timeout(200)
    assert page.locator("[aria-rowindex='241']").is_visible(), "the last row"
    assert page.locator("[role=grid] [role=row]").count() < 60, "few rows are drawn"


def test_chips_say_and_clear_what_filters(tab, answer):
    page = tab.open(f"/q/{answer}/sigs")
    facet(page, "Cell", "A375")
    facet(page, "Cell", "HT29")
    facet(page, "Type", "trt_sh")
    tab.settle()
    chips = page.locator(".chips").inner_text()
    assert "Cell is A375 or HT29" in chips and " and " in chips and "Type is" in chips
    page.locator(".chip").first.click()
    tab.settle()
    assert "cell_id" not in page.url and page.locator(".chip").count() == 1
    page.get_by_role("button", name="Clear all").click()
    tab.settle()
    assert page.locator(".chip").count() == 0 and page.inner_text(".counts").startswith("240")


def test_every_column_says_what_it_means(tab, answer):
    views = "/q/{id}/perts /q/{id}/classes /q/{id}/genes /q/{id}/sigs /lookup?list=perts /lookup?list=genes " \
        "/lookup?list=classes /lookup?list=cells /pert/drug-0 /gene/CDK1 /cell/A375 " \
        "/sig/TOY001_A375_24H:BRD-K000:0 /repurposing?q={id}"  # fmt: skip
    for path in views.format(id=answer).split():
        page = tab.open(path)
        cells = page.locator("[role=columnheader]").all()
        silent = [cell.inner_text() for cell in cells if not cell.get_attribute("title")]
        assert cells and not silent, (path, silent)


def test_a_lasso_fills_the_table(tab, answer):
    page = tab.open(f"/q/{answer}/scatter?x=ncs&y=tas")
    page.get_by_role("button", name="Lasso").click()
    box = page.locator(".plane canvas").bounding_box()
    corners = [(0.55, 0.02), (0.99, 0.02), (0.99, 0.98), (0.55, 0.98)]
    page.mouse.move(box["x"] + corners[0][0] * box["width"], box["y"] + corners[0][1] * box["height"])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
    page.mouse.up()
    tab.settle()
    head, rows = shown(page)
    values = [float(row[head.index("NCS")].replace("−", "-")) for row in rows]
    assert len(rows) > 5 and min(values) > 0 and values == sorted(values, reverse=True)
