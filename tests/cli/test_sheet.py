"""`beadwork sheet` on the command line."""

PLATE = "LJP009_A375_24H_X1_B20"


def test_sheet_on_the_command_line(run, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in (f"GSM1_{PLATE}_A01.lxb.gz", "notes.lxb"):
        (raw / name).write_bytes(b"x")
    table = tmp_path / "t.txt"
    table.write_text(f"det_plate\tdet_well\tpert_id\tpert_type\n{PLATE}\tA01\tDMSO\tctl_vehicle\n")
    done = run("sheet", raw, "--inst-info", table, "-o", tmp_path / "out")
    assert done.code == 0
    assert "beadwork: warning: notes.lxb: its name does not end in a well, as PLATE_A01.lxb does" in done.err
    assert "plates.tsv: 1 plate, 1 LXB file seen" in done.err
    assert (tmp_path / "out" / "plates.tsv").read_text().startswith("det_plate\tlxb\tmap\n" + PLATE)
    again = run("sheet", raw, "--inst-info", table, "-o", tmp_path / "out")
    assert again.code == 2 and "is there already" in again.err and again.err.count("\n") == 1


def test_no_plate_is_an_error_in_one_line(run, tmp_path):
    (tmp_path / f"{PLATE}_A01.lxb").write_bytes(b"x")
    done = run("sheet", tmp_path, "-o", tmp_path / "out")
    assert done.code == 2 and done.err.count("\n") == 1
    assert f"no plate can be used: {PLATE}: no map: give a table of wells with --inst-info" in done.err
