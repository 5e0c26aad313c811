"""big-data-benchmark: one of the Big Data Benchmark's queries over stored tables.

One timed repetition is a query from its submission to the driver until its rows are where `result` wants them. Its rows
are compared with those of the same query over tables that are made anew for it, outside the time.
"""

import re
from collections import Counter

import sparkbed_big_data as big_data
from pyspark.sql import SparkSession
from sparkbed_application import run
from sparkbed_stored_data import remove

OPTIONS = {
    **big_data.OPTIONS,
    "query": str,
    "missing-tables": str,
    "result": str,
    "keep-result": bool,
    "cache-tables": bool,
    "warm-up-query": bool,
}

_FILTER = "SELECT pageURL, pageRank FROM rankings WHERE pageRank > {}"
_AGGREGATE = (
    "SELECT SUBSTR(sourceIP, 1, {0}) AS prefix, SUM(adRevenue) AS totalRevenue"
    " FROM uservisits GROUP BY SUBSTR(sourceIP, 1, {0})"
)
_JOIN = """
SELECT sourceIP, totalRevenue, avgPageRank
FROM (SELECT sourceIP, AVG(pageRank) AS avgPageRank, SUM(adRevenue) AS totalRevenue
      FROM rankings AS R, uservisits AS UV
      WHERE R.pageURL = UV.destURL AND UV.visitDate > '1980-01-01' AND UV.visitDate < '{}'
      GROUP BY UV.sourceIP) AS visitors
ORDER BY totalRevenue DESC LIMIT 1"""
_LINKS = """
SELECT link.destPage AS destPage, SUM(link.links) AS totalLinks
FROM (SELECT EXPLODE(url_count(line)) AS link FROM documents) AS counted
GROUP BY link.destPage"""

QUERIES = {
    "1A": _FILTER.format(1000),
    "1B": _FILTER.format(100),
    "1C": _FILTER.format(10),
    "2A": _AGGREGATE.format(8),
    "2B": _AGGREGATE.format(10),
    "2C": _AGGREGATE.format(12),
    "3A": _JOIN.format("1980-04-01"),
    "3B": _JOIN.format("1983-01-01"),
    "3C": _JOIN.format("2010-01-01"),
    "4": _LINKS,
}
TABLES = {"1": ("rankings",), "2": ("uservisits",), "3": ("rankings", "uservisits"), "4": ("documents",)}
"""What the queries that begin so read."""
RESULTS = {
    "1": "pageURL STRING, pageRank INT",
    "2": "prefix STRING, totalRevenue DOUBLE",
    "3": "sourceIP STRING, totalRevenue DOUBLE, avgPageRank DOUBLE",
    "4": "destPage STRING, totalLinks BIGINT",
}
WARM_UP_ROWS = 1000
LINK = re.compile(r'<a href="([^"]*)">')


def url_count(line):
    """Query 4's function: how often a document links to each page."""
    return list(Counter(LINK.findall(line)).items())


def session_of(options):
    builder = SparkSession.builder.config("spark.sql.shuffle.partitions", options["reduce-tasks"])
    session = builder.getOrCreate()
    session.udf.register("url_count", url_count, "array<struct<destPage: string, links: bigint>>")
    return session


def ask(session, query, frames):
    """The query over these tables."""
    for table, frame in frames.items():
        frame.createOrReplaceTempView(table)
    return session.sql(QUERIES[query])


def made_anew(session, options, rows=None):
    """The query over tables that are made where they are used."""
    tables = TABLES[options["query"][0]]
    frames = {table: big_data.generated(session, options, table, rows) for table in tables}
    return ask(session, options["query"], frames)


def result_folder(context, options):
    name = f"result-{options['query']}-{context.applicationId}"
    return context._jvm.org.apache.hadoop.fs.Path(options["storage-location"], name).toString()


def fetch(frame, options, folder):
    """The rows, where `result` wants them: None when they have been stored."""
    if options["result"] == "collect":
        return frame.collect()
    return big_data.write(frame, options, folder)


def prepare(context, options):
    session = session_of(options)
    tables = TABLES[options["query"][0]]
    frames = big_data.read_stored(session, options, tables, options["missing-tables"] == "make")
    if options["cache-tables"]:
        for frame in frames.values():
            frame.cache().count()
    data = {"session": session, "frames": frames, "folder": result_folder(context, options), "done": 0}
    if options["warm-up-query"]:
        fetch(made_anew(session, options, WARM_UP_ROWS), options, data["folder"])
        remove(context, data["folder"])
    return data


def body(context, options, data):
    context.setJobGroup(f"timed {data['done']}", f"query {options['query']}")
    return fetch(ask(data["session"], options["query"], data["frames"]), options, data["folder"])


def after(context, options, data, rows, sample):
    """The tasks' time, the result's checksums, and its removal."""
    context.setJobGroup("beside", "outside the time")
    sample("service_seconds", service_seconds(context, f"timed {data['done']}"), "s")
    schema = RESULTS[options["query"][0]]
    if rows is None:
        result = big_data.read(data["session"], options, data["folder"], schema)
    else:
        result = data["session"].createDataFrame(rows, schema)
    data.setdefault("found", []).append(big_data.summary(result))
    data["done"] += 1
    if data["done"] < options["num-trials"] or not options["keep-result"]:
        remove(context, data["folder"])


def service_seconds(context, group):
    """What the tasks of a job group ran for in all, in seconds; Spark's own web pages show the same sum by stage."""
    spark = context._jsc.sc()
    spark.listenerBus().waitUntilEmpty()
    tracker, store = context.statusTracker(), spark.statusStore()
    stages = {stage for job in tracker.getJobIdsForGroup(group) for stage in tracker.getJobInfo(job).stageIds}
    return sum(store.lastStageAttempt(stage).executorRunTime() for stage in stages) / 1000


def check(_context, options, data, _results):
    expected = big_data.summary(made_anew(data["session"], options))
    for iteration, found in enumerate(data["found"], 1):
        big_data.check_summary(found, expected, f"the result of iteration {iteration}")
    kept = {"kept": data["folder"]} if options["keep-result"] and options["result"] == "store" else {}
    return {"rows": expected[0], "checksum": expected[1], "sums": list(expected[3:]), **kept}


if __name__ == "__main__":
    run("big-data-benchmark", OPTIONS, prepare, body, check, after)
