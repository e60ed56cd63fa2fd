"""What a table of a folder is."""

from beadwork.io.connectivity.library.recognise import Role, table_role


def test_ranked_answers_of_queries_are_no_tables_of_signatures():
    role, why = table_role(["rank", "sig_id", "pert_iname", "wtcs", "ncs"])
    assert role is Role.NONE and why == "is a ranked answer of `beadwork query`, not a table of signatures"
    assert table_role(["sig_id", "pert_iname", "tas"]) == (Role.SIGNATURES, "")
