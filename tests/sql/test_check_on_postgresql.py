"""The check names what PostgreSQL lets stand between a look-up and a row: policies, functions, collations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError

from neo_routing_adapters.command import main
from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables import transactions
from neo_routing_adapters.sql.tables.check.snapshot import snapshot_findings
from neo_routing_adapters.sql.tables.directory_export import export_directory
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.row_security import RowsHidden
from tests.programs.databases.administered import engine_at, everything_in, upgraded
from tests.programs.databases.stored import store
from tests.sql.test_check import WORLD, found, put_a_view, run

PAGE = Path(__file__).parents[2] / "docs" / "views-on-your-tables.md"
SECTION = PAGE.read_text("utf-8").partition("\n## Row-level security\n")[2].partition("\n## ")[0]
CURES = [
    line
    for block in re.findall(r"^```sql\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        yield engine


@pytest.fixture
def role(engine: Engine) -> Iterator[str]:
    """A role that may do all with the tables, and is no superuser."""
    role = f"reader_{uuid4().hex}"
    run(engine, f"CREATE ROLE {role}", f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    yield role
    run(engine, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


@pytest.fixture
def by_role(database_url: str, role: str) -> Iterator[Engine]:
    with engine_at(database_url, connect_args={"options": f"-c role={role}"}) as engine:
        yield engine


def hide(engine: Engine, table: str, policy: str = "USING (tenant_id = current_setting('app.tenant', true))") -> None:
    run(engine, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", f"CREATE POLICY own ON {table} {policy}")


def hidden(relation: str, table: str, reader: str, otherwise: str) -> str:
    return (
        f"error: {relation}: row-level security of {table} can hide rows from {reader}, and a row that is hidden looks "
        f"like one that is not there: ALTER ROLE {reader} BYPASSRLS, or {otherwise}"
    )


@pytest.mark.parametrize("policy", ["USING (tenant_id = 'msp-b')", "USING (true)"])
def test_a_policy_that_can_hide_rows_is_named_with_its_cure(
    engine: Engine, by_role: Engine, role: str, policy: str
) -> None:
    hide(engine, "routing_agent", policy)
    otherwise = "deliver routing_agent by a view that belongs to the owner of routing_agent"
    assert found(by_role) == [hidden("routing_agent", "routing_agent", role, otherwise)]
    assert found(engine) == [], "a superuser sees all"
    run(engine, f"ALTER ROLE {role} BYPASSRLS")
    assert found(by_role) == []


@pytest.mark.parametrize("cure", CURES)
def test_each_cure_of_the_documentation_cures(engine: Engine, by_role: Engine, role: str, cure: str) -> None:
    put_a_view(engine, "routing_agent")
    owner = f"owner_{uuid4().hex}"
    run(
        engine,
        f"CREATE ROLE {owner}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}",
        f"ALTER TABLE host_routing_agent OWNER TO {owner}",
        f"GRANT SELECT ON host_routing_agent TO {role}",
        f"ALTER VIEW routing_agent OWNER TO {role}",
    )
    hide(engine, "host_routing_agent")
    assert len(found(by_role)) == 1
    run(
        engine,
        cure.replace("routing_reader", role).replace("owner_of_the_tables", owner),
        f"GRANT SELECT ON routing_agent TO {role}",
    )
    assert found(by_role) == []
    run(engine, f"DROP OWNED BY {owner} CASCADE", f"DROP ROLE {owner}")


def test_a_policy_on_a_table_below_views_counts_for_whom_the_view_belongs_to(
    engine: Engine, by_role: Engine, role: str
) -> None:
    put_a_view(engine, "routing_agent")
    run(
        engine,
        "ALTER VIEW routing_agent RENAME TO inner_agent",
        "CREATE VIEW routing_agent AS SELECT * FROM inner_agent",
        f"GRANT SELECT ON routing_agent, inner_agent TO {role}",
    )
    hide(engine, "host_routing_agent")
    assert found(by_role) == [], "both views belong to a superuser"
    otherwise = "deliver routing_agent by a view that belongs to the owner of host_routing_agent"
    told = hidden("routing_agent", "host_routing_agent", role, otherwise)
    run(engine, f"ALTER VIEW inner_agent OWNER TO {role}")
    assert found(by_role) == found(engine) == [told]
    run(engine, "ALTER VIEW inner_agent OWNER TO CURRENT_USER", "ALTER VIEW inner_agent SET (security_invoker = on)")
    assert (found(by_role), found(engine)) == ([told], [])


def test_a_policy_that_is_forced_hides_rows_from_the_owner_too(engine: Engine, by_role: Engine, role: str) -> None:
    run(engine, f"ALTER TABLE routing_agent OWNER TO {role}")
    hide(engine, "routing_agent")
    assert found(by_role) == []
    run(engine, "ALTER TABLE routing_agent FORCE ROW LEVEL SECURITY")
    otherwise = "ALTER TABLE routing_agent NO FORCE ROW LEVEL SECURITY"
    assert found(by_role) == [hidden("routing_agent", "routing_agent", role, otherwise)]


def test_nothing_is_exported_imported_or_guarded_where_rows_are_hidden(engine: Engine, by_role: Engine) -> None:
    hide(engine, "routing_end_company")
    before = everything_in(engine)
    with pytest.raises(RowsHidden, match="policies can hide rows"):
        next(export_directory(by_role))
    with pytest.raises(RowsHidden):
        import_directory(by_role, WORLD.content)
    with pytest.raises(RowsHidden):
        guard(by_role)
    assert everything_in(engine) == before


@pytest.mark.parametrize("opened", [transactions.reading, transactions.writing])
def test_a_policy_that_only_a_function_comes_to_is_an_error_and_hides_nothing(
    engine: Engine, by_role: Engine, role: str, opened: object
) -> None:
    run(engine, "CREATE TABLE secret (tenant_id text)", f"GRANT SELECT ON secret TO {role}")
    hide(engine, "secret")
    body = "$$BEGIN RETURN (SELECT count(*) FROM secret); END$$"
    run(engine, f"CREATE FUNCTION secrets() RETURNS bigint STABLE LANGUAGE plpgsql AS {body}")
    with pytest.raises(DBAPIError, match="row-level security policy"), opened(by_role) as connection:
        connection.exec_driver_sql("SELECT secrets()")


@pytest.mark.parametrize("command", ["export", "import", "guard", "upgrade"])
def test_where_rows_are_hidden_a_command_says_so_and_ends_with_status_2(
    engine: Engine, role: str, database_url: str, command: str, capfd: pytest.CaptureFixture[str], tmp_path
) -> None:
    hide(engine, "routing_end_company")
    before = everything_in(engine)
    (tmp_path / "empty.json").write_text("{}")
    given = [str(tmp_path / "empty.json")] if command == "import" else []
    assert main(["db", command, f"{database_url}?options=-crole%3D{role}", *given]) == 2
    written, told = capfd.readouterr()
    assert written == ""
    assert told.startswith("neo-routing: policies can hide rows, and what is hidden would be taken for gone\n")
    assert "  routing_end_company: row-level security of routing_end_company can hide rows from " in told
    assert everything_in(engine) == before


VOLATILE_BODY = "RETURNS text VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$"
VOLATILE = {
    "of PostgreSQL": ([], "name || random()", "random()"),
    "of the host": ([], "fresh(name)", "fresh(text)"),
    "in an operator": (
        [
            "CREATE FUNCTION beside(text, text) RETURNS text VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$",
            "CREATE OPERATOR <+> (LEFTARG = text, RIGHTARG = text, FUNCTION = beside)",
        ],
        "name <+> name",
        "beside(text,text)",
    ),
    "in a query within": ([], "(SELECT name FROM routing_end_company WHERE name > fresh('') LIMIT 1)", "fresh(text)"),
    "in what a function in SQL consists of": (
        ["CREATE FUNCTION stable_one(text) RETURNS text STABLE LANGUAGE sql BEGIN ATOMIC SELECT fresh($1); END"],
        "stable_one(name)",
        "fresh(text)",
    ),
    "in a cast": (
        [
            "CREATE TYPE pair AS (one text, other text)",
            ("CREATE FUNCTION told(pair) RETURNS text VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN ($1).one; END$$"),
            "CREATE CAST (pair AS text) WITH FUNCTION told(pair)",
        ],
        "ROW(name, name)::pair::text",
        "told(pair)",
    ),
    "in an aggregate": (
        [
            "CREATE FUNCTION last_of(text, text) RETURNS text VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN $2; END$$",
            "CREATE AGGREGATE last_one (text) (SFUNC = last_of, STYPE = text)",
        ],
        "(SELECT last_one(name) FROM routing_end_company)",
        "last_of(text,text)",
    ),
    "in what a domain demands": (
        ["CREATE DOMAIN fresh_text AS text CHECK (fresh(VALUE) > '')"],
        "name::fresh_text::text",
        "fresh(text)",
    ),
    "among what is read": ([], "(SELECT * FROM fresh('a'))", "fresh(text)"),
}


@pytest.mark.parametrize("where", VOLATILE)
def test_a_view_that_does_not_keep_to_the_snapshot_is_named_with_the_function(engine: Engine, where: str) -> None:
    made, value, function = VOLATILE[where]
    run(engine, f"CREATE FUNCTION fresh(text) {VOLATILE_BODY}", *made)
    put_a_view(engine, "routing_tenant", name=value)
    told = (
        f"error: routing_tenant: it calls {function}, which is VOLATILE and so may see other rows than the rest of a "
        "decision: mark it STABLE or IMMUTABLE if that is true, or take it out of the view"
    )
    assert told in found(engine)
    run(
        engine,
        "ALTER VIEW routing_tenant RENAME TO inner_tenant",
        "CREATE VIEW routing_tenant AS SELECT * FROM inner_tenant",
    )
    assert told in found(engine)


def test_functions_that_keep_to_the_snapshot_are_fine(engine: Engine) -> None:
    body = "RETURNS text STABLE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$"
    run(engine, f"CREATE FUNCTION kept(text) {body}", f"CREATE FUNCTION elsewhere(text) {VOLATILE_BODY}")
    put_a_view(engine, "routing_tenant", name="kept(name) || now()::text || (SELECT max(id) FROM routing_agent)")
    assert found(engine) == []


def test_a_materialized_view_is_stored_rows_however_it_was_filled(engine: Engine) -> None:
    run(
        engine,
        "CREATE MATERIALIZED VIEW copied AS SELECT *, random() FROM routing_end_company",
        "CREATE UNIQUE INDEX ON copied (id)",
        "ALTER TABLE routing_end_company RENAME TO host",
        "CREATE VIEW routing_end_company AS SELECT id, tenant_id, name FROM copied",
    )
    assert found(engine) == []


def test_a_foreign_table_is_named_and_one_among_partitions_too(engine: Engine) -> None:
    run(
        engine,
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing",
        "DROP TABLE routing_tenant CASCADE",
        "CREATE TABLE host (id text, name text) PARTITION BY LIST (id)",
        "CREATE FOREIGN TABLE far PARTITION OF host DEFAULT SERVER elsewhere",
        "CREATE VIEW routing_tenant AS SELECT * FROM host",
    )
    with engine.connect() as connection:  # nothing can be read from it, as that server would have it
        [told] = map(str, snapshot_findings(connection))
    assert told.startswith("error: routing_tenant: it reads the foreign table far, which has no snapshot in common")


def test_ids_of_two_collations_are_named_and_end_nothing(engine: Engine) -> None:
    run(
        engine,
        "CREATE COLLATION one (locale = 'C')",
        "CREATE COLLATION other (locale = 'POSIX')",
    )
    for relation, columns in {
        "routing_channel": {"id": "id COLLATE one"},
        "routing_channel_installation": {"channel_id": "channel_id COLLATE other"},
        "routing_agent": {"tenant_id": "tenant_id COLLATE one"},
    }.items():
        put_a_view(engine, relation, **columns)
    cure = 'write {} COLLATE "C" in the views of both'
    assert found(engine) == [
        (
            "error: routing_agent: column tenant_id has the collation one, and cannot be compared with "
            f"routing_tenant.id, which has C: {cure.format('tenant_id')}"
        ),
        (
            "error: routing_channel_installation: column channel_id has the collation other, and cannot be compared "
            f"with routing_channel.id, which has one: {cure.format('channel_id')}"
        ),
    ]


def test_the_default_collation_gives_way_to_any_other(engine: Engine) -> None:
    put_a_view(engine, "routing_tenant", id='id COLLATE "default"')
    assert [line for line in found(engine) if "collation" in line] == []


def test_a_collation_that_is_not_deterministic_is_named(engine: Engine) -> None:
    # Only a PostgreSQL with ICU makes them; what it has noted of one is the same.
    run(
        engine,
        "CREATE COLLATION vague (locale = 'C')",
        "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'vague'",
    )
    put_a_view(engine, "routing_channel", bot_id="bot_id COLLATE vague")
    assert found(engine) == [
        (
            "error: routing_channel: column bot_id compares otherwise than byte for byte: "
            'its collation vague is not deterministic; write bot_id COLLATE "C" in the view'
        )
    ]


CITEXT = (  # the extension need not be there
    "CREATE TYPE citext",
    "CREATE FUNCTION citext_in(cstring) RETURNS citext LANGUAGE internal IMMUTABLE STRICT AS 'textin'",
    "CREATE FUNCTION citext_out(citext) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'",
    "CREATE TYPE citext (INPUT = citext_in, OUTPUT = citext_out, LIKE = text, CATEGORY = 'S')",
    "CREATE CAST (citext AS text) WITHOUT FUNCTION AS IMPLICIT",
    "CREATE CAST (text AS citext) WITHOUT FUNCTION AS ASSIGNMENT",
    "CREATE DOMAIN slug AS citext",
    "CREATE DOMAIN short_slug AS slug",
)


@pytest.mark.parametrize("sort", ["citext", "slug", "short_slug"])
def test_text_that_compares_without_regard_to_case_is_named(engine: Engine, sort: str) -> None:
    run(engine, *CITEXT)
    put_a_view(engine, "routing_tenant", id=f"id::{sort}")
    assert found(engine) == [
        (
            "error: routing_tenant: column id compares otherwise than byte for byte: "
            "it is of type citext; cast it to text in the view"
        )
    ]


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def url_of_another_encoding(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    url, name = make_url(postgres_url), f"neo_routing_{uuid4().hex}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        locale = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(f"CREATE DATABASE {name} ENCODING '{request.param}' {locale}")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_of_another_encoding_is_told_in_one_line_with_the_cure(
    url_of_another_encoding: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["db", "check", url_of_another_encoding]) == 2
    written, told = capfd.readouterr()
    assert written == ""
    assert told.startswith("neo-routing: the encoding of the database is ")
    assert told.endswith("create the database with ENCODING 'UTF8'\n") and told.count("\n") == 1


def test_roles_may_check_without_a_right_on_the_tables_below_views(engine: Engine, role: str, by_role: Engine) -> None:
    for relation in RELATIONS:
        put_a_view(engine, relation)
        run(engine, f"REVOKE ALL ON host_{relation} FROM {role}", f"GRANT SELECT ON {relation} TO {role}")
    assert found(by_role) == []
