"""The database's way from one revision to the next. The only home of Alembic.

A new revision: write versions/vNNNN_what.py by hand, change tables.py to match, add its name to `KNOWN` in
bot/store/revision.py. The tests compare the migrated tables with tables.py on both databases. There is no way back
down: restore the backup. Run by bot.store.migrate as a process of its own, see there.
"""
