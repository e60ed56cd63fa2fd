"""A sheet that `beadwork sheet` made is one that the workflow plans and runs by."""

import gzip
import io
import tarfile

import yaml
from tests.workflow.conftest import BIN, ROOT, run_command


def as_on_geo(data, series, table):
    """Pack a simulated study as GEO has them, a tar of tars with accessions; all maps into one table of wells."""
    lines = []
    with tarfile.open(series, "w") as outer:
        for number, row in enumerate((data / "plates.tsv").read_text().splitlines()[1:]):
            plate, lxb, plate_map = row.split("\t")[:3]
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w:gz") as archive:
                for place, file in enumerate(sorted((data / lxb).iterdir())):
                    raw = file.read_bytes()
                    raw = raw if file.name.endswith("gz") else gzip.compress(raw, 1)
                    info = tarfile.TarInfo(f"GSM{1000 * number + place}_{file.name.removesuffix('.gz')}.gz")
                    info.size = len(raw)
                    archive.addfile(info, io.BytesIO(raw))
            info = tarfile.TarInfo(f"GSM{number}_{plate}.tar.gz")
            info.size = len(inner.getvalue())
            outer.addfile(info, io.BytesIO(inner.getvalue()))
            header, *wells = (data / plate_map).read_text().splitlines()
            lines = lines or [f"inst_id\t{header}"]
            well = header.split("\t").index("rna_well")
            lines += [f"{plate}:{line.split(chr(9))[well]}\t{line}" for line in wells]
    table.write_text("\n".join(lines) + "\n")


def test_a_series_of_geo_is_planned_and_its_first_level_is_that_of_the_folders(study, tmp_path):
    series, table = tmp_path / "GSE1_RAW.tar", tmp_path / "inst_info.txt"
    as_on_geo(study / "data", series, table)
    made = run_command(BIN / "beadwork", "sheet", series, "--inst-info", table, "-o", tmp_path / "config")
    assert made.returncode == 0, made.stdout
    config = {"plates": str(tmp_path / "config" / "plates.tsv"), "report": False}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    dry = run_command(BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path, "-n",
                      "--configfile", tmp_path / "config.yaml", cwd=tmp_path)  # fmt: skip
    assert dry.returncode == 0, dry.stdout
    first = (study / "data" / "plates.tsv").read_text().splitlines()[1].split("\t")
    digests = []
    for name, lxb, plate_map in (
        ("a", study / "data" / first[1], study / "data" / first[2]),
        ("b", series, tmp_path / "config" / "maps" / f"{first[0]}.tsv"),
    ):
        done = run_command(BIN / "beadwork", "deconvolve", lxb, "--plate", first[0], "--map", plate_map, "--method",
                           "kmeans", "-o", tmp_path / f"{name}.gct")  # fmt: skip
        assert done.returncode == 0, done.stdout
        lines = (tmp_path / f"{name}.gct").read_text().splitlines()
        digests.append([line.split("\t")[-24:] for line in lines if line.split("\t")[0].isdigit()])
    assert digests[0] == digests[1] and len(digests[0]) > 900
