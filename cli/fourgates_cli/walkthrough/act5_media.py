"""Act 5, third-party media: verified, taken into the library, and out of use again."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_design import SERVICE
from fourgates_cli.walkthrough.builds import record_build, record_tests, sign_off
from fourgates_cli.walkthrough.changes import authorize_change, raise_change
from fourgates_cli.walkthrough.media import ITEMS, await_items, item, try_check_out
from fourgates_cli.walkthrough.plans import acknowledge_impact, media_plan, write_plan
from fourgates_cli.walkthrough.releases import open_release, pass_gate
from fourgates_cli.walkthrough.reports import Case, report
from fourgates_cli.walkthrough.reviews import await_review, close
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Medium, TestEvidence, sha256_of

NAME = "postcodes"
SUPPLIERS = ("Post of Bern",)
LICENCES = ("CC0-1.0", "CC-BY-4.0")
TABLE = b"""# supplier: Post of Bern
# licence: CC0-1.0
3011;Bern
3400;Burgdorf
"""
# What the supplier published beside the table.
PUBLISHED_SHA256 = "fcaf62770956720b1e758f86c6b528dea543f634a291ce98946945be9657d8b2"


def third_party_media(world: World) -> None:
    """Take a table of postcodes into the library by a release of kind media, and out of use when it is unsound."""
    narrator = world.narrator
    narrator.step("A table of postcodes comes from its supplier: verified instead of built, and not deployed")
    change_id = raise_change(world, "Print the town from its postcode", service=SERVICE)
    authorize_change(world, change_id)
    open_release(world, NAME, service=SERVICE, kind="media", version="2026", change_ids=[change_id])
    pass_gate(world, NAME, "planning")
    write_plan(world, NAME, media_plan())
    acknowledge_impact(world, NAME)
    pass_gate(world, NAME, "build_and_test")
    table = world.bench.write("postcodes.csv", TABLE, name="postcodes", version="2026", kind="document")
    record_build(world, NAME, inputs=(), candidates=(table,))
    for evidence in _verified(table):
        record_tests(world, NAME, evidence)
    sign_off(world, NAME)
    pass_gate(world, NAME, "check_in")
    await_items(world, (table,), "definitive")
    narrator.proved("the table is definitive", kind="state")
    close(world, NAME, await_review(world, NAME))
    _out_of_use(world, table)


def _verified(table: Medium) -> tuple[TestEvidence, ...]:
    """Verify supplier, licence and checksum of a table, and scan it for what is no text."""
    content = table.file.read_bytes()
    said = dict(line[2:].split(": ", 1) for line in content.decode().splitlines() if line.startswith("# "))
    sha256 = sha256_of(content)
    control = sum(byte < ord(" ") and byte != ord("\n") for byte in content)
    supplier, licence = said.get("supplier", ""), said.get("licence", "")
    return (
        report("supplier", sha256, [Case("a known supplier", supplier in SUPPLIERS, supplier)]),
        report("licence", sha256, [Case("a licence that is allowed", licence in LICENCES, licence)]),
        report("checksum_or_signature", sha256, [Case("as published", sha256 == PUBLISHED_SHA256, sha256)]),
        report("scan", sha256, [Case("nothing but text", control == 0, f"{control} control characters")]),
    )


def _out_of_use(world: World, table: Medium) -> None:
    narrator = world.narrator
    narrator.step("A town is missing: the table is quarantined, withdrawn for good, and archived; nothing is deleted")
    here = f"{ITEMS}/{item(world, table)['id']}"
    quarantined = world.by("mona").post(f"{here}/quarantine", {"reason": "Thun is missing"})
    narrator.state(quarantined, "state", "quarantined", "the table")
    narrator.refused(
        world.by("rhea").try_post(f"{here}/archiving", {"reason": "tidy up"}),
        status=409,
        codes=("not-withdrawn",),
        text="only what was withdrawn is archived",
    )
    withdrawn = world.by("cora").post(f"{here}/withdrawal", {"reason": "the supplier withdrew it, too"})
    narrator.state(withdrawn, "state", "withdrawn", "the table")
    archived = world.by("rhea").post(f"{here}/archiving", {"reason": "kept for the record"})
    narrator.state(archived, "state", "archived", "the table")
    narrator.refused(
        try_check_out(world, NAME, (table,)), status=409, codes=("not-definitive",), text="nobody checks it out again"
    )
    used = world.by("ada").get(f"{here}/where-used")
    narrator.fact(
        [one["release_id"] for one in used["releases"]] == [world.releases[NAME]] and not used["running_on"],
        "the library still tells where it was used",
        seen=used,
    )
