"""The Big Data Benchmark's tables: what each row holds is a function of the seed and the row's number alone.

So a table is the same however many partitions make it, and can be made again anywhere to check results with. All that
is random in a row comes of XXH64 (Spark's `xxhash64`) over three whole numbers: the seed, a number that stands for the
column, and the row's number. Columns are expressions of Spark SQL, so that no Python runs in the executors.
"""

from math import log10

from pyspark.sql import functions as F
from sparkbed_application import NOTES, WrongResult
from sparkbed_stored_data import stored

GENERATOR = 1
"""Goes up with every change to what is in a table: data of another generator are never taken for these."""

SCHEMAS = {
    "rankings": "pageURL STRING, pageRank INT, avgDuration INT",
    "uservisits": "sourceIP STRING, destURL STRING, visitDate STRING, adRevenue DOUBLE, userAgent STRING,"
    " countryCode STRING, languageCode STRING, searchWord STRING, duration INT",
    "documents": "line STRING",
}
ROWS = {"rankings": "num-rankings", "uservisits": "num-visits", "documents": "num-documents"}
"""The option that says how many rows a table has."""

OPTIONS = {
    "num-rankings": int,
    "num-visits": int,
    "num-documents": int,
    "num-partitions": int,
    "reduce-tasks": int,
    "storage-format": str,
    "storage-location": str,
}
"""Options of both programs beside the common ones, with their types."""

# The benchmark's rows at its scale of five nodes: of 90 million pages so many have a rank above 10, 100 and 1000.
ABOVE_10, ABOVE_100, ABOVE_1000 = 89_974_976 / 90e6, 3_331_851 / 90e6, 32_888 / 90e6
FIRST_DAY = "1970-01-01"
DAYS = 15_930
"""Days that visits are spread over evenly, so that query 3's spans of 3 and 30 years hold the benchmark's share of
them: 53.3 and 533 of 775 million."""
MEAN_LINKS = 5
WORDS = 1000

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) Trident/5.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7_3)",
    "Opera/9.80 (Windows NT 6.0) Presto/2.10",
    "Lynx/2.8.7 libwww-FM/2.14",
    "Mozilla/5.0 (compatible; crawler/2.1)",
    "Wget/1.13 (linux-gnu)",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1)",
)
COUNTRIES = (
    "ARG es-AR", "AUS en-AU", "AUT de-AT", "BEL nl-BE", "BRA pt-BR", "CAN fr-CA", "CHE de-CH", "CHN zh-CN",
    "CZE cs-CZ", "DEU de-DE", "DNK da-DK", "ESP es-ES", "FIN fi-FI", "FRA fr-FR", "GBR en-GB", "GRC el-GR",
    "HUN hu-HU", "IND hi-IN", "ITA it-IT", "JPN ja-JP", "KOR ko-KR", "MEX es-MX", "NLD nl-NL", "NOR nb-NO",
    "POL pl-PL", "PRT pt-PT", "RUS ru-RU", "SWE sv-SE", "TUR tr-TR", "USA en-US",
)  # fmt: skip
"""Country and language codes, drawn together."""

(
    RANK, AVERAGE, URL, ADDRESS, DESTINATION, DATE, REVENUE, AGENT, COUNTRY, WORD, SPELLING, DURATION, LINKS, TARGET,
    TEXT,
) = range(1, 16)  # fmt: skip
"""The numbers that stand for columns in what is hashed."""


class Draw:
    """Random expressions, by seed."""

    def __init__(self, seed):
        self._seed = F.lit(seed).cast("long")

    def bits(self, column, *numbers):
        """64 random bits for a row, as a whole number."""
        parts = (F.lit(column).cast("long"), *(number.cast("long") for number in numbers))
        return F.xxhash64(self._seed, *parts)

    def uniform(self, column, *numbers):
        """A number from 0 to below 1: the upper 53 bits."""
        return F.shiftrightunsigned(self.bits(column, *numbers), 11).cast("double") * F.lit(2.0**-53)

    def below(self, limit, column, *numbers):
        """A whole number from 0 to below `limit`."""
        return F.floor(self.uniform(column, *numbers) * F.lit(float(limit))).cast("long")


def one_of(values, index):
    """The text of that index, from 0."""
    return F.element_at(F.array(*(F.lit(value) for value in values)), (index + 1).cast("int"))


def digits(bits):
    """64 bits as 16 hexadecimal digits: addresses of letters only took twice as long to make."""
    return F.lower(F.lpad(F.hex(bits), 16, "0"))


def page_url(draw, page):
    """A page's address: 28 to 100 hexadecimal digits, 64 on average. The last twelve are its number."""
    length = draw.below(73, URL, page, F.lit(0)).cast("int") + 16
    random = F.concat(*(digits(draw.bits(URL, page, F.lit(part))) for part in (1, 2, 3)))
    return F.concat(F.concat(random, F.reverse(random)).substr(F.lit(1), length), F.substring(digits(page), 5, 12))


def popular(draw, pages, column, *numbers):
    """A page's number; how often a page comes falls with the square root of its number (Zipf's law, exponent 0.5)."""
    share = draw.uniform(column, *numbers)
    return F.floor(share * share * F.lit(float(pages))).cast("long")


def page_rank(draw, page):
    """Power laws between the benchmark's own shares of ranks above 10, 100 and 1000; below 10 evenly."""
    above = F.lit(1.0) - draw.uniform(RANK, page)  # from above 0 to 1
    low = F.lit(10.0) * (F.lit(1.0) - above) / F.lit(1 - ABOVE_10)
    middle = F.lit(10.0) * F.pow(above / F.lit(ABOVE_10), F.lit(-1 / exponent(ABOVE_10, ABOVE_100)))
    high = F.lit(100.0) * F.pow(above / F.lit(ABOVE_100), F.lit(-1 / exponent(ABOVE_100, ABOVE_1000)))
    rank = F.when(above > ABOVE_10, low).when(above > ABOVE_100, middle).otherwise(high)
    return (F.floor(F.least(rank, F.lit(1e9))) + 1).cast("int")


def exponent(more, less):
    """The exponent of the power law whose share falls from `more` to `less` over a factor of ten."""
    return log10(more / less)


def word(draw, number):
    """The word of that number: 4 to 12 hexadecimal digits."""
    length = draw.below(9, SPELLING, number, F.lit(1)).cast("int") + 4
    return digits(draw.bits(SPELLING, number)).substr(F.lit(1), length)


def rankings(draw, _options, row):
    return {
        "pageURL": page_url(draw, row),
        "pageRank": page_rank(draw, row),
        "avgDuration": (draw.below(100, AVERAGE, row) + 1).cast("int"),
    }


def uservisits(draw, options, row):
    octets = [(draw.below(254, ADDRESS, row, F.lit(part)) + 1).cast("string") for part in range(4)]
    place = one_of(COUNTRIES, draw.below(len(COUNTRIES), COUNTRY, row))
    return {
        "sourceIP": F.concat_ws(".", *octets),
        "destURL": page_url(draw, popular(draw, options["num-rankings"], DESTINATION, row)),
        "visitDate": F.date_add(F.to_date(F.lit(FIRST_DAY)), draw.below(DAYS, DATE, row).cast("int")),
        "adRevenue": draw.below(10**8, REVENUE, row).cast("double") / F.lit(1e8),
        "userAgent": one_of(AGENTS, draw.below(len(AGENTS), AGENT, row)),
        "countryCode": F.substring(place, 1, 3),
        "languageCode": F.substring(place, 5, 5),
        "searchWord": word(draw, draw.below(WORDS, WORD, row)),
        "duration": (draw.below(10, DURATION, row) + 1).cast("int"),
    }


def documents(draw, options, row):
    """A crawled page in one line: its address, then words with links between them, 0 to 10 of them."""

    def linked(part):
        target = page_url(draw, popular(draw, options["num-rankings"], TARGET, row, part))
        return F.concat(text(part), F.lit(' <a href="'), target, F.lit('">'), word(draw, part), F.lit("</a> "))

    def text(part):
        words = (word(draw, draw.below(WORDS, TEXT, row, part, F.lit(place))) for place in range(8))
        return F.concat_ws(" ", *words)

    links = draw.below(2 * MEAN_LINKS + 1, LINKS, row)
    parts = F.when(links > 0, F.sequence(F.lit(1), links)).otherwise(F.array().cast("array<long>"))
    line = F.concat(page_url(draw, row), F.lit(" "), F.concat_ws("", F.transform(parts, linked)), text(F.lit(0)))
    return {"line": line}


TABLES = {"rankings": rankings, "uservisits": uservisits, "documents": documents}


def generated(session, options, table, rows=None):
    """The table, made where it is used; its first `rows` rows, or all."""
    count = options[ROWS[table]] if rows is None else rows
    draw = Draw(options["random-seed"])
    numbers = session.range(0, count, 1, options["num-partitions"])
    columns = TABLES[table](draw, options, F.col("id"))
    typed = dict(field.rsplit(" ", 1) for field in SCHEMAS[table].split(", "))
    return numbers.select(*(column.cast(typed[name]).alias(name) for name, column in columns.items()))


def parameters(options, table):
    """All that the stored table is made of. uservisits and documents point to pages, so they depend on num-rankings."""
    names = dict.fromkeys(("num-rankings", ROWS[table], "num-partitions", "random-seed"))
    return {"generator": GENERATOR, **{name: options[name] for name in names}}


def form(options, table):
    return f"big-data-{table}-{options['storage-format']}"


def write(frame, options, folder):
    """Write a table or a result in the storage format."""
    writer = frame.write
    if options["storage-format"] == "parquet":
        writer.option("compression", "snappy").parquet(folder)
    elif frame.columns == ["line"]:
        writer.text(folder)
    else:
        writer.option("compression", "none").csv(folder)


def read(session, options, folder, schema):
    """A table or a result that `write` wrote."""
    if options["storage-format"] == "parquet":
        return session.read.schema(schema).parquet(folder)
    if schema == SCHEMAS["documents"]:
        return session.read.text(folder).withColumnRenamed("value", "line")
    return session.read.schema(schema).csv(folder)


def read_stored(session, options, tables, may_make):
    """{table: frame} from their folders below storage-location. One that is not there is written and compared first,
    if it may be made."""
    context, folders, made = session.sparkContext, {}, []

    for table in tables:

        def make(folder, table=table):
            write(generated(session, options, table), options, folder)
            compare(session, options, table, folder)

        place = (options["storage-location"], form(options, table), parameters(options, table))
        folders[table], new = stored(context, *place, make if may_make else None)
        made += [table] if new else []
    NOTES.update(stored_data=folders, stored_data_made=bool(made))
    return {table: read(session, options, folder, SCHEMAS[table]) for table, folder in folders.items()}


def compare(session, options, table, folder):
    """Raise WrongResult unless the folder holds the table's rows, each once."""
    found = summary(read(session, options, folder, SCHEMAS[table]))
    expected = summary(generated(session, options, table))
    shared = " (do all hosts share this folder?)" if folder.startswith("file:") else ""
    check_summary(found, expected, f"table {table} in {folder}{shared}")
    return found


def summary(frame):
    """What does not depend on the rows' order: their number, two sums over hashes of all but the DOUBLE columns, and of
    each of these the sum and a sum weighted by the row's hash."""
    doubles = [name for name, kind in frame.dtypes if kind == "double"]
    others = [F.col(name) for name in frame.columns if name not in doubles]
    digest = F.xxhash64(*others) if others else F.lit(0).cast("long")
    sums = [F.count(F.lit(1)), F.bit_xor(digest), F.sum(digest.bitwiseAND(F.lit(0xFFFFFFFF)))]
    for name in doubles:
        sums += [F.sum(F.col(name)), F.sum(F.col(name) * digest.bitwiseAND(F.lit(1023)))]
    return tuple(value or 0 for value in frame.agg(*sums).first())


def check_summary(found, expected, what):
    """Raise WrongResult unless both are equal; sums of DOUBLE may differ by rounding, 1e-9 of their size."""
    if found[:3] != expected[:3] or len(found) != len(expected):
        raise WrongResult(
            f"{what} has {found[0]} rows with the checksums {found[1:3]}, not {expected[0]} with {expected[1:3]}"
        )
    for value, wanted in zip(found[3:], expected[3:]):  # noqa: B905 - drivers may run Python 3.8 and 3.9
        if not abs(value - wanted) <= 1e-9 * max(1.0, abs(wanted)):
            raise WrongResult(f"{what} has numbers that add up to {value}, not {wanted}")
