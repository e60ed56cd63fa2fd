"""Excel workbooks: the first sheet with anything in it, as texts."""

import io
import zipfile

import pytest

from beadwork.io.connectivity.gene_sets import parse_gene_sets
from beadwork.io.connectivity.signature_tables import read_signature_bytes
from beadwork.io.files.workbook import is_workbook, read_workbook
from beadwork.model.errors import FileError, GeneSetError

KIND = "http://schemas.openxmlformats.org/"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
ROWS = [("gene", "t"), ("TP53", 2.5), ("MDM2", -1.0), ("7157", 44566.0)]


def workbook(*sheets: list[tuple]) -> bytes:
    """A workbook of plain cells; a text that begins with ``day`` is a number shown as a date."""

    def cell(value):
        if isinstance(value, str) and value.startswith("day"):
            return f'<c s="1"><v>{value[3:]}</v></c>'
        if isinstance(value, float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        numbers = range(1, len(sheets) + 1)
        archive.writestr("[Content_Types].xml", f'{HEAD}<Types xmlns="{KIND}package/2006/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'{HEAD}<Relationships xmlns="{KIND}package/2006/relationships"><Relationship Id="r" '
            f'Type="{KIND}officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        archive.writestr(
            "xl/workbook.xml",
            f'{HEAD}<workbook xmlns="{KIND}spreadsheetml/2006/main" '
            f'xmlns:r="{KIND}officeDocument/2006/relationships"><sheets>{listed}</sheets></workbook>',
        )
        kind = f"{KIND}officeDocument/2006/relationships"
        related = "".join(
            f'<Relationship Id="r{n}" Type="{kind}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers
        )
        related += f'<Relationship Id="st" Type="{kind}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{HEAD}<Relationships xmlns="{KIND}package/2006/relationships">{related}</Relationships>',
        )
        archive.writestr(
            "xl/styles.xml",
            f'{HEAD}<styleSheet xmlns="{KIND}spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/>'
            '<xf numFmtId="16"/></cellXfs></styleSheet>',
        )
        for number, rows in enumerate(sheets, start=1):
            data = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
            archive.writestr(
                f"xl/worksheets/s{number}.xml",
                f'{HEAD}<worksheet xmlns="{KIND}spreadsheetml/2006/main"><sheetData>{data}</sheetData></worksheet>',
            )
    return stream.getvalue()


def test_sheets_become_texts():
    pytest.importorskip("python_calamine", reason="needs beadwork[xlsx]")
    raw = workbook([], ROWS, ROWS[:1])
    assert is_workbook(raw)
    rows, notes = read_workbook(raw, "a.xlsx")
    assert rows == [["gene", "t"], ["TP53", "2.5"], ["MDM2", "-1"], ["7157", "44566"]]
    assert notes == ["sheet 'S2' of 2 was read"]
    (query,) = read_signature_bytes("a.xlsx", workbook(ROWS[:3]))
    assert query.name == "a" and query.profile == {"TP53": 2.5, "MDM2": -1.0}
    (found,) = parse_gene_sets("b.xlsx", workbook([("TP53",), ("MDM2",)])).sets
    assert (found.name, found.genes) == ("b", ("TP53", "MDM2"))


def test_dates_are_shown_as_spreadsheets_show_them():
    pytest.importorskip("python_calamine", reason="needs beadwork[xlsx]")
    rows, _ = read_workbook(workbook([("gene", "t"), ("day44806", 1.0)]), "a.xlsx")
    assert rows[1] == ["2-Sep", "1"], "SEPT2, which is then named for what it is"


def test_what_cannot_be_read(monkeypatch):
    pytest.importorskip("python_calamine", reason="needs beadwork[xlsx]")
    with pytest.raises(FileError, match=r"a.xlsx: the workbook is empty"):
        read_workbook(workbook([]), "a.xlsx")
    with pytest.raises(FileError, match=r"a.xlsx: is a damaged workbook \("):
        read_workbook(workbook(ROWS)[:-30], "a.xlsx")
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(GeneSetError, match=r"a.xlsx: is an Excel workbook, which needs .*; install beadwork\[xlsx\]"):
        read_signature_bytes("a.xlsx", workbook(ROWS))
