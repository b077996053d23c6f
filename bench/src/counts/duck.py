"""Counts by minute and path, and by minute and user agent, with DuckDB on one thread; prints records a CPU-second."""
import resource
import sys

import duckdb


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


db = duckdb.connect()
db.execute("SET threads = 1")
before = cpu()
db.execute(
    f"""CREATE TABLE records AS
    SELECT date_trunc('minute', "timestamp"::TIMESTAMP) AS minute, method || ' ' || split_part(split_part(path, '?', 1), '#', 1) AS key,
           "userAgent" AS agent
    FROM read_json('{sys.argv[1]}', format = 'newline_delimited',
                   columns = {{timestamp: 'VARCHAR', method: 'VARCHAR', path: 'VARCHAR', userAgent: 'VARCHAR'}})"""
)
records = db.execute("SELECT count(*) FROM records").fetchone()[0]
db.execute("SELECT minute, key, count(*) FROM records GROUP BY ALL").fetchall()
db.execute("SELECT minute, agent, count(*) FROM records GROUP BY ALL").fetchall()
print(records / (cpu() - before))
