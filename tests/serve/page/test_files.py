"""Files on the form: columns that are chosen, groups of samples, several questions at once; and libraries of them."""

import csv
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.formats import write_matrix

from ..test_app import ask as asked
from ..test_app import serving
from .conftest import COLOURS, Tab, rich_signatures
from .test_ask import answered
from .test_tables import download, shown

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory, rich_index, genes):
    """A table of differential expression, values of samples, a library."""
    folder = tmp_path_factory.mktemp("files")
    symbols = rich_index.genes["symbol"].tolist()
    z = rich_index.signature(rich_index.siginfo["sig_id"].iloc[0]).to_numpy()
    frame = {"symbol": symbols, "other": symbols[::-1], "lfc": z / 2, "stat": z, "pvalue": np.exp(-np.abs(z))}
    pd.DataFrame(frame).to_csv(folder / "de.csv", index=False)
    sets = {}
    for number in range(4):
        sets |= {f"illness {number}_UP": symbols[number * 20 : number * 20 + 20],
                 f"illness {number}_DN": symbols[300 + number * 20 : 320 + number * 20]}  # fmt: skip
    (folder / "diseases.gmt").write_text("".join("\t".join([name, "-", *some]) + "\n" for name, some in sets.items()))
    for side, some in (("up", genes[0]), ("dn", genes[1])):
        (folder / f"planted_{side}.txt").write_text("\n".join(some))
    (folder / "empty.txt").write_text("")
    values = np.random.default_rng(1).normal(8, 0.4, (12, len(symbols))).astype(np.float32)
    values[:4, :30] += 2.0
    values[:4, 30:60] -= 2.0
    fields = pd.DataFrame({"arm": ["ill"] * 4 + ["well"] * 4 + ["treated"] * 4, "donor": list("abcd") * 3},
                          index=[f"s{number}" for number in range(12)])  # fmt: skip
    np.round(2 ** pd.DataFrame(values.T, symbols, fields.index)).astype(int).to_csv(folder / "counts.tsv", sep="\t")
    fields.to_csv(folder / "samples.tsv", sep="\t")
    anndata = pytest.importorskip("anndata", reason="the extra h5ad is not installed")
    anndata.AnnData(values, fields, pd.DataFrame(index=symbols)).write_h5ad(folder / "cohort.h5ad")
    return folder


def choose(tab, *paths):
    tab.page.locator("input[type=file]").first.set_input_files(list(paths))
    tab.settle()


def axe_in_both_themes(tab):
    assert tab.axe() == []
    tab.page.emulate_media(color_scheme="dark")
    tab.settle()
    assert tab.axe(COLOURS) == [], "in the dark"
    tab.page.emulate_media(color_scheme="light")


def marked(page):
    return page.locator(".preview th.chosen").all_inner_texts()


def test_columns_are_chosen_before_it_is_asked(tab, files):
    page = tab.open("/")
    choose(tab, files / "de.csv")
    page.locator(".preview button", has_text="Find connections").wait_for()
    assert marked(page) == ["symbol", "stat"]
    page.locator("select[name=p_column]").select_option("pvalue")
    page.get_by_text("values: sign of lfc x -log10 pvalue").wait_for()
    tab.settle()
    assert marked(page) == ["symbol", "lfc", "pvalue"]
    axe_in_both_themes(tab)
    page.locator("select[name=gene_column]").select_option("other")
    page.get_by_text("genes: column other").wait_for()
    tab.settle()
    assert marked(page) == ["other", "lfc", "pvalue"]
    page.locator("select[name=gene_column]").select_option("symbol")
    page.get_by_text("genes: column symbol").wait_for()
    page.locator(".preview button", has_text="Find connections").click()
    answered(page)
    assert "de" in page.inner_text("h1") and "a whole signature of 978 genes" in page.inner_text("h1")


def test_a_choice_that_fails_leaves_no_older_result(tab, files):
    page = tab.open("/")
    choose(tab, files / "de.csv")
    page.locator(".preview button", has_text="Find connections").wait_for()
    page.locator("select[name=p_column]").select_option("stat")
    page.locator(".preview [role=alert]").wait_for()
    tab.settle()
    assert "holds no p-values" in page.inner_text(".preview [role=alert]")
    assert page.get_by_role("button", name="Find connections").count() == 0, "nothing can be asked of what failed"
    assert "--" not in page.inner_text(".preview")


COMPARED = 120_000
"""Time in which groups are compared, by a process that begins with the imports of its libraries."""


def test_groups_of_samples_are_chosen_compared_and_asked(tab, files):
    pytest.importorskip("pylimma", reason="the extra signature is not installed")
    page = tab.open("/")
    choose(tab, files / "cohort.h5ad")
    page.get_by_label("Groups by").wait_for()
    assert "12 samples" in page.inner_text(".preview")
    compare = page.get_by_role("button", name="Compare", exact=True)
    assert compare.is_disabled(), "there is no control yet"
    page.get_by_label("Groups by").select_option("arm")
    tab.settle()
    page.get_by_label("Case").select_option("ill")
    page.get_by_label("against control").select_option("well")
    axe_in_both_themes(tab)
    compare.click()
    page.locator(".preview button", has_text="Find connections").wait_for(timeout=COMPARED)
    tab.settle()
    said = page.inner_text(".preview")
    assert "ill_vs_well: 4 against 4 samples" in said and "978 of them in this index" in said
    page.locator(".preview button", has_text="Find connections").click()
    answered(page)
    tab.settle()
    best = page.locator("table.strips").first.locator("tbody tr").all_inner_texts()
    assert {row.split("\t")[0] for row in best[:5]} == {f"drug-{number}" for number in range(5)}
    assert "ill_vs_well" in page.inner_text("h1")


def test_every_other_group_becomes_a_question(tab, files):
    pytest.importorskip("pylimma", reason="the extra signature is not installed")
    page = tab.open("/")
    choose(tab, files / "cohort.h5ad")
    page.get_by_label("against control").select_option("well")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Ask all 2 together").click(timeout=COMPARED)
    page.wait_for_url("**/library/**")
    page.get_by_role("grid").wait_for()
    tab.until("!document.querySelector('progress')")
    tab.settle()
    assert {"ill_vs_well", "treated_vs_well"} <= set(page.locator("table a").all_inner_texts())


def test_counts_take_their_groups_from_a_table_of_samples(tab, files):
    page = tab.open("/")
    choose(tab, files / "counts.tsv")
    page.get_by_label("Add a table of the samples").set_input_files(files / "samples.tsv")
    page.get_by_label("Groups by").wait_for()
    tab.settle()
    assert page.get_by_label("Groups by").locator("option").all_inner_texts() == ["arm, 3 groups", "donor, 4 groups"]


def test_several_files_are_questions_and_nothing_is_dropped_without_a_word(tab, files):
    tab.expected = ("Failed to load resource",)
    page = tab.open("/")
    names = ("planted_up.txt", "planted_dn.txt", "de.csv", "empty.txt", "samples.tsv")
    choose(tab, *(files / name for name in names))
    page.get_by_role("button", name="Ask these 2").wait_for()
    failed = page.locator(".several [role=alert] li").all_inner_texts()
    assert failed[0] == "empty.txt: the file is empty" and failed[1].startswith("samples.tsv: ") and len(failed) == 2
    rows = page.locator(".several tbody tr").all_inner_texts()
    assert "planted\t30\t30" in rows[0] and "de\t978 genes" in rows[1]
    axe_in_both_themes(tab)
    page.get_by_label("Ask de").uncheck()
    page.get_by_role("button", name="Ask it").wait_for()
    page.get_by_role("button", name="Put planted in the boxes").click()
    tab.settle()
    assert len(page.get_by_label("Up genes").input_value().split()) == 30


def test_halves_of_a_library_pair_and_a_word_that_ends_like_a_side_is_none(tab, tmp_path):
    for side, genes in (("up", "CDK1\tTP53"), ("dn", "JUN\tFOS")):
        (tmp_path / f"drugs_{side}.gmt").write_text(f"first\t-\t{genes}\nsecond\t-\t{genes}\n")
    (tmp_path / "more.gmt").write_text("TP53 knockdown\t-\tCDK1\nX_DN\t-\tCDK1\nX_UP\t-\tJUN\tFOS\n")
    for side, genes in (("UP", "CDK1"), ("DN", "JUN FOS")):
        (tmp_path / f"p53{side}.txt").write_text(genes)
    page = tab.open("/library")
    choose(tab, *sorted(tmp_path.iterdir()))
    page.get_by_role("button", name="Ask these 5").wait_for()
    rows = [row.split("\t")[1:4] for row in page.locator(".several tbody tr").all_inner_texts()]
    assert rows == [["first", "2", "2"], ["second", "2", "2"], ["TP53 knockdown", "1", "0"], ["X", "2", "1"],
                    ["p53", "1", "2"]]  # fmt: skip


@pytest.fixture
def library(tab, files):
    page = tab.open("/library")
    choose(tab, files / "diseases.gmt")
    page.get_by_role("button", name="Ask these 4").click()
    page.wait_for_url("**/library/**")
    page.get_by_role("grid").wait_for()
    tab.until("!document.querySelector('progress')")
    tab.settle()
    return page


def test_a_library_is_a_matrix_of_drugs_by_diseases(tab, library, rich_index):
    page = library
    assert "4 questions" in page.inner_text("h1")
    head, rows = shown(page)
    assert head[-4:] == [f"illness {number}" for number in range(4)]
    lowest = head.index("Lowest")
    numbers = [float(row[lowest].replace("−", "-")) for row in rows]
    assert numbers == sorted(numbers), "what opposes most comes first"
    for row, low in zip(rows, numbers, strict=True):
        values = [float(cell.replace("−", "-")) for cell in row[-4:]]
        assert min(values) == pytest.approx(low, abs=0.011)
        assert row[head.index("Lowest in")] == f"illness {int(np.argmin(values))}"
    axe_in_both_themes(tab)
    page.get_by_role("button", name="illness 2").click()
    tab.settle()
    assert "sort=-q3" in page.url
    scores = [float(row[-2].replace("−", "-")) for row in shown(page)[1]]
    assert scores == sorted(scores, reverse=True)
    page.reload()
    tab.settle()
    assert [float(row[-2].replace("−", "-")) for row in shown(page)[1]] == scores, "the address is the state"
    name, value = shown(page)[1][0][0], shown(page)[1][0][-2]
    page.get_by_role("link", name=f"{name} in illness 2: {value}").click()
    page.wait_for_url(re.compile(r"/q/.*/perts\?row="))
    tab.settle()
    assert "Cell by cell" in page.inner_text("#main")
    page.go_back()
    tab.settle()
    page.get_by_role("link", name=name, exact=True).last.click()
    page.wait_for_url("**/pert/**")


def test_the_matrix_is_downloaded_as_it_is_shown(tab, library):
    page = library
    page.get_by_label("Questions with").fill("illness 1")
    tab.settle()
    head, rows = shown(page)
    assert head[-1] == "illness 1" and "illness 0" not in head
    name, text = download(page, "TSV")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    table = list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t"))
    assert name.startswith("diseases_perts_ncs") and len(table) == int(page.inner_text(".counts").split()[0])
    assert [row["pert_iname"] for row in table] == [row[0] for row in rows] and "illness 0" not in table[0]
    for row, line in zip(rows, table, strict=True):
        assert float(row[-1].replace("−", "-")) == pytest.approx(float(line["illness 1"]), abs=0.0051)
    page.get_by_label("Rows").select_option("classes")
    tab.settle()
    assert "planted inhibitor" in page.inner_text("[role=grid]") and "rows=classes" in page.url


def test_libraries_are_listed_and_deleted(tab, library):
    page = library
    page.get_by_role("link", name="All libraries").click()
    tab.settle()
    count = page.locator("table tbody tr").count()  # of whatever name: other tests ask libraries too
    axe_in_both_themes(tab)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete diseases").first.click()
    tab.until("n => document.querySelectorAll('table tbody tr').length < n || !document.querySelector('table')", count)


def test_the_library_on_a_phone(make_tab, library):
    tab = make_tab(has_touch=True, is_mobile=True)
    tab.page.set_viewport_size({"width": 400, "height": 800})
    page = tab.open(library.url.replace(tab.site, ""))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "nothing sticks out"
    assert tab.axe() == []


def test_ask_with_the_rows_of_a_list_and_of_a_search(tab):
    page = tab.open("/lookup?list=perts&find=drug-3")
    page.get_by_role("button", name="Ask with drug-3").click()
    answered(page)
    assert "like drug-3" in page.inner_text("h1")
    page = tab.open("/lookup?find=planted")
    page.get_by_role("button", name="Ask with planted inhibitor").click()
    answered(page)
    assert "like planted inhibitor" in page.inner_text("h1")


def test_ask_with_a_gene_by_its_loss(tab):
    page = tab.open("/")
    page.get_by_label("Drug, gene or mechanism").fill("CDK1")
    page.get_by_role("button", name=re.compile("^Ask with its ")).first.click()
    answered(page)
    assert "like CDK1" in page.inner_text("h1")
    page = tab.open("/")
    page.get_by_label("Drug, gene or mechanism").fill("PSME1")
    page.get_by_text("no loss or gain of it is in this index").wait_for()
    page.get_by_role("link", name="What moves it").click()
    page.wait_for_url("**/gene/PSME1")


def test_cards_lead_on_and_ask_with_each_type_apart(tab, rich_index):
    page = tab.open("/gene/CDK1")
    page.get_by_role("button", name=re.compile("^Ask with this ")).first.click()
    answered(page)
    assert (
        page.evaluate(
            "async () => (await (await fetch(`/api/queries/${location.pathname.split('/')[2]}`)).json()).question.like"
        )
        == "CDK1:trt_sh"
    )
    sig = str(rich_index.siginfo["sig_id"].iloc[0])
    page = tab.open(f"/sig/{sig}")
    page.locator("p.lead a").click()
    page.wait_for_url("**/pert/*")
    tab.settle()
    sites = page.locator(".sites a")
    assert {"PubChem", "ChEMBL", "DrugBank", "LINCS"} <= {text.split(" ")[0] for text in sites.all_inner_texts()}
    assert all("noreferrer" in (one.get_attribute("rel") or "") for one in sites.all())


def test_a_question_is_changed_and_asked_again(tab, ask, genes):
    long = ask(name="long", up=genes[0] * 20, direction="reverse", where=["cell_id=A375"])
    page = tab.open(f"/q/{long}")
    page.get_by_role("link", name="Change the question").click()
    tab.until("document.querySelector('#up')?.value.length > 100")
    tab.settle()
    assert (
        page.get_by_label("reversed").is_checked()
        and page.locator("label", has_text=re.compile("^Cell")).locator("select").input_value() == "A375"
    )
    like = ask(like="drug-4")
    page = tab.open(f"/q/{like}")
    page.get_by_role("link", name="Change the question").click()
    tab.settle()  # the question comes with filters of its own
    page.locator("label", has_text=re.compile("^Cell")).locator("select").select_option("MCF7")
    page.get_by_role("button", name="Ask it with these filters").click()
    answered(page)
    assert "only cell_id=MCF7" in page.inner_text("#main") and like not in page.url


def test_an_answer_whose_scores_went_is_asked_again(browser, rich_index, genes):
    from beadwork.serve.store import Store

    with serving(rich_index, store=Store(most_bytes=1)) as site:
        first = asked(site, {"name": "one", "up": genes[0]})["id"]
        asked(site, {"name": "two", "up": genes[1]})
        tab = Tab(browser, site)
        page = tab.open(f"/q/{first}/history-is-no-view")
        assert "The scores of this answer are not kept any more." in page.inner_text(".banner")
        tab.expected = ("Failed to load resource",)
        page.get_by_role("button", name="Ask again").click()
        tab.until("!document.querySelector('.banner') && document.querySelector('table.strips')")
        assert f"/q/{first}" in page.url
        tab.check()
        tab.context.close()


def test_an_answer_of_an_older_state_is_asked_again_of_the_new_one(browser, tmp_path, genes):
    from beadwork.api import ConnectivityIndex

    def build(count):
        matrix, info = rich_signatures(count)
        write_matrix(matrix, tmp_path / f"{count}_MODZ.gctx")
        write_table(info, tmp_path / f"{count}.tsv")
        ConnectivityIndex.build(tmp_path / "index", tmp_path / f"{count}_MODZ.gctx", tmp_path / f"{count}.tsv",
                                overwrite=count < 240)  # fmt: skip
        return ConnectivityIndex.open(tmp_path / "index")

    with serving(build(240), reopen=lambda: ConnectivityIndex.open(tmp_path / "index")) as site:
        old = asked(site, {"name": "old", "up": genes[0]})["id"]
        build(180)
        tab = Tab(browser, site)
        tab.page.goto(f"{site}/q/{old}")
        tab.until("async () => (await (await fetch('/api/index')).json()).signatures < 200")
        page = tab.open(f"/q/{old}")
        assert "This answer is of an older state of the index." in page.inner_text(".banner")
        tab.open("/history")
        assert "older state" in page.locator("tr", has_text="old").inner_text()
        tab.open(f"/q/{old}")
        page.get_by_role("button", name="Ask again").click()
        tab.until("old => !location.pathname.includes(old) && document.querySelector('table.strips')", old)
        assert page.locator(".banner").count() == 0 and "180 signatures" in page.inner_text("#main")
        tab.check()
        tab.context.close()


def test_history_is_deleted_one_by_one_and_all(browser, rich_index, genes):
    with serving(rich_index) as site:
        for name in ("one", "two", "three"):
            asked(site, {"name": name, "up": genes[0]})
        tab = Tab(browser, site)
        page = tab.open("/history")
        page.get_by_role("button", name="Delete two").click()
        tab.until("document.querySelectorAll('.history tbody tr').length === 2")
        page.get_by_label("Star of one").click()
        tab.settle()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete all without a star").click()
        tab.until("document.querySelectorAll('.history tbody tr').length === 1")
        assert "one" in page.inner_text(".history tbody") and "three" not in page.inner_text("#main")
        tab.check()
        tab.context.close()


@pytest.mark.parametrize(("words", "ending"), [("One page (HTML), to send", ".html"), ("Everything (zip)", ".zip")])
def test_an_answer_is_taken_along(tab, answer, words, ending):
    page = tab.open(f"/q/{answer}")
    page.locator(".menu summary").click()
    with page.expect_download() as caught:
        page.get_by_role("link", name=words).click()
    name, raw = caught.value.suggested_filename, Path(caught.value.path()).read_bytes()
    assert name == f"planted{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as held:
            assert len(held.namelist()) > 3 and held.testzip() is None
    else:
        text = raw.decode()
        assert "drug-0" in text and not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", text)
