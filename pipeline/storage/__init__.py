"""The SQL database: tables, migrations, gateway keys and switches. Works on SQLite and on PostgreSQL."""
