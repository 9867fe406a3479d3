"""The database: tables, and one file per noun with its statements. The only home of SQLAlchemy."""
