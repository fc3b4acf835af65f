"""Bills of materials, judged by CycloneDX's own schema."""

import dataclasses
import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sealift.sbom import Component, cyclonedx, package_url

WHEEL = Component(
    name="psycopg2", version="2.9.10", kind="library", purl="pkg:pypi/psycopg2@2.9.10"
)
PQ = Component(
    name="libpq5", version="15.18-0+deb12u1", sha256="ab" * 32,
    purl=package_url(
        "deb", "libpq5", "15.18-0+deb12u1", namespace="debian", qualifiers={"arch": "amd64"}
    ),
    files=("psycopg2.libs/libpq-abababab.so.5",),
)  # fmt: skip
UNKNOWN = Component(name="libown.so.1", sha256="cd" * 32, files=("x.libs/libown.so.1",))


def test_the_document_keeps_the_schema() -> None:
    text = cyclonedx(WHEEL, [PQ, UNKNOWN]).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/psycopg2@2.9.10"
    names = [component["name"] for component in document["components"]]
    assert names == ["libown.so.1", "libpq5"]
    assert document["dependencies"][0]["dependsOn"] == [UNKNOWN.reference, PQ.reference]


def test_a_licence_is_told_where_it_is_known() -> None:
    part = dataclasses.replace(PQ, licence="FTL OR GPL-2.0-only")
    text = cyclonedx(WHEEL, [part, UNKNOWN]).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    unknown, known = json.loads(text)["components"]
    assert known["licenses"] == [{"expression": "FTL OR GPL-2.0-only"}]
    assert "licenses" not in unknown


def test_the_same_parts_in_any_order_give_the_same_bytes() -> None:
    assert cyclonedx(WHEEL, [PQ, UNKNOWN]) == cyclonedx(WHEEL, [UNKNOWN, PQ])
    assert cyclonedx(WHEEL, [PQ]) != cyclonedx(WHEEL, [UNKNOWN])


def test_files_of_one_package_are_all_there() -> None:
    other = dataclasses.replace(PQ, sha256="ef" * 32, files=("x.libs/libpqtypes-efefefef.so",))
    text = cyclonedx(WHEEL, [PQ, other]).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert [part["purl"] for part in document["components"]] == [PQ.purl, PQ.purl]
    assert len({part["bom-ref"] for part in document["components"]}) == 2
    assert len(document["dependencies"][0]["dependsOn"]) == 2


def test_package_urls_quote_what_would_end_a_part() -> None:
    assert package_url("pypi", "a b", "1+x/y") == "pkg:pypi/a%20b@1%2Bx%2Fy"
    assert package_url("deb", "x", None, namespace="debian", qualifiers={"b": "2", "a": "1 "}) == (
        "pkg:deb/debian/x?a=1%20&b=2"
    )
