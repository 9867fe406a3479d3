"""What the database itself refuses: to change, delete or replace a row of the audit trail, or to wind its head back.

Installed with the tables of a new database; migrations/versions/v0006_rules.py has the same for older ones. An owner of
the tables can take the guards off: they stop mistakes and stolen statements, `kajitori audit verify` finds the rest.
"""

from sqlalchemy import Connection

GUARDS = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END",
        # INSERT OR REPLACE deletes the row in the way without asking the trigger above.
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never replaced'); END",
        "CREATE TRIGGER audit_head_no_rewind BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never wound back'); END",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never wound back'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit rows are never changed or deleted'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_rewind BEFORE UPDATE ON audit_head FOR EACH ROW "
        "WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()",
        "CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
    ),
}
"""Statements by dialect, in order."""


def install(connection: Connection) -> None:
    """Put the guards on tables that have just been made."""
    for statement in GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
