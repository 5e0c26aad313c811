package sparkbed.streaming

import java.time.Instant

import org.apache.spark.SparkContext
import org.apache.spark.sql.expressions.Aggregator
import org.apache.spark.sql.functions.{col, collect_list, sum, udaf, udf, window}
import org.apache.spark.sql.streaming.{OutputMode, StreamingQuery, StreamingQueryProgress, Trigger}
import org.apache.spark.sql.{DataFrame, Encoder, Encoders, Row, SparkSession}
import sparkbed.{Options, SamplesFile, Usage, WrongResult}

import scala.collection.mutable

/** The batches of a query of Structured Streaming. */
object Progress {
  /** Those that did something, in their order; the time is that of the whole trigger. */
  def batches(query: StreamingQuery): Seq[StreamingQueryProgress] =
    query.recentProgress.toSeq.filter(_.durationMs.containsKey("addBatch"))

  def numbers(progress: StreamingQueryProgress): Batch =
    Batch(
      Instant.parse(progress.timestamp).toEpochMilli / 1e3,
      Seq(
        ("trial_seconds", progress.durationMs.get("triggerExecution") / 1e3, "s"),
        ("add_batch_seconds", progress.durationMs.get("addBatch") / 1e3, "s"),
        ("records", progress.numInputRows.toDouble, "records")))

  /** A session that remembers every batch, and shuffles to so many partitions. */
  def session(context: SparkContext, partitions: Int): SparkSession = {
    val session = SparkSession.builder().config(context.getConf).getOrCreate()
    session.conf.set("spark.sql.streaming.numRecentProgressUpdates", 1000000L)
    session.conf.set("spark.sql.shuffle.partitions", partitions.toLong)
    session
  }

  /** Let it run so long from the end of its first batch, before which it compiles what it does, and until so many
    * batches are done; what made it end before that is thrown.
    */
  def let(query: StreamingQuery, milliseconds: Long, needed: Int): Unit =
    try {
      while (query.isActive && batches(query).isEmpty) Thread.sleep(20)
      StreamingProgram.let(milliseconds, batches(query).size >= needed)(query.awaitTermination)
    } finally query.stop()
}

/** The key-value tests on Structured Streaming: as many records a batch, and each batch's result is checked. */
abstract class StructuredKeyValueTest(name: String) extends StreamingProgram(name) {
  override def options: Set[String] =
    Set("num-streams", "records-per-sec", "reduce-tasks", "unique-keys", "unique-values")

  protected val mode: OutputMode

  /** What is asked of pairs with their time: columns `time`, `key`, `value`. */
  protected def query(pairs: DataFrame, options: Options): DataFrame

  /** A row's part of what its batch, or its window, gave; and which one (the end of a window, in milliseconds). */
  protected def part(options: Options): Row => (Long, Summary)

  /** Throw WrongResult unless each batch gave what it must; `found` by batch and by what `part` says. */
  protected def check(options: Options, perBatch: Long, found: Map[Long, Map[Long, Summary]]): Unit

  override def validate(options: Options): Unit = {
    super.validate(options)
    if (perBatch(options) < 1) throw new Usage("not one record in a batch: give more records-per-sec")
  }

  protected def perBatch(options: Options): Long = options.long("records-per-sec") * options.int("batch-duration") / 1000

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val place = Place.of(context, options.text("hdfs-url"))
    val found = mutable.Map.empty[Long, Map[Long, Summary]]
    val cut = part(options)
    val take: (DataFrame, Long) => Unit = (batch, number) => {
      val sums = batch.rdd.map(cut).reduceByKey(_ + _, 1).collect().toMap
      found.synchronized(found(number) = sums)
    }
    val batches =
      try {
        val session = Progress.session(context, options.int("reduce-tasks"))
        val asked = query(pairs(session, options), options).writeStream
          .outputMode(mode)
          .trigger(Trigger.ProcessingTime(options.long("batch-duration")))
          .option("checkpointLocation", place.path("checkpoint").toString)
          .foreachBatch(take)
          .start()
        Progress.let(asked, options.int("total-duration") * 1000L, StreamingProgram.needed(options))
        Progress.batches(asked)
      } finally place.close()
    write(samples, batches.map(Progress.numbers), options)
    val whole = found.synchronized(found.toMap).filter { case (number, _) => number <= batches.last.batchId }
    check(options, perBatch(options), whole)
    SamplesFile.mapping(
      "batches" -> Int.box(batches.size), "records" -> Long.box(batches.map(_.numInputRows).sum),
      "keys" -> Long.box(whole.values.flatMap(_.values).map(_.keys).max))
  }

  private def pairs(session: SparkSession, options: Options): DataFrame = {
    val (records, streams) = (Records.of(options), options.int("num-streams"))
    val rows = session.readStream
      .format("rate-micro-batch")
      .option("rowsPerBatch", perBatch(options) * streams)
      .option("advanceMillisPerBatch", options.long("batch-duration"))
      .option("numPartitions", (math.max(1, options.int("batch-duration") / 200) * streams).toLong)
      .load()
    val pair = udf((row: Long) => records.texts((row % streams).toInt, row / streams))
    rows
      .select(col("timestamp").as("time"), pair(col("value")).as("pair"))
      .select(col("time"), col("pair._1").as("key"), col("pair._2").as("value"))
  }

  /** What each stream sends in a batch. */
  protected def sent(options: Options, perBatch: Long): Seq[(Int, Long)] =
    (0 until options.int("num-streams")).map(_ -> perBatch)
}

/** structured-state-by-key: each key's running sum of its values; every batch gives all of them. */
object StructuredStateByKey extends StructuredKeyValueTest("structured-state-by-key") {
  override protected val mode: OutputMode = OutputMode.Complete()

  override protected def query(pairs: DataFrame, options: Options): DataFrame =
    pairs.groupBy("key").agg(sum(col("value").cast("long")).as("sum"))

  override protected def part(options: Options): Row => (Long, Summary) =
    row => (0L, Summary.ofSum(row.getString(0), row.getLong(1)))

  override protected def check(options: Options, perBatch: Long, found: Map[Long, Map[Long, Summary]]): Unit = {
    val inOrder = found.toSeq.sortBy(_._1).map { case (_, sums) =>
      (sent(options, perBatch), sums.getOrElse(0L, Summary.Nothing))
    }
    Expected.check(new ExpectedSums(Records.of(options)), inOrder)
  }
}

/** What the tests of windows share: a window is given once, when it is over. */
abstract class StructuredWindowTest(name: String) extends StructuredKeyValueTest(name) {
  override def options: Set[String] = super.options + "window-duration"

  override protected val mode: OutputMode = OutputMode.Append()

  override def validate(options: Options): Unit = {
    super.validate(options)
    WindowTest.validate(options)
  }

  override protected def query(pairs: DataFrame, options: Options): DataFrame = {
    val moving =
      window(col("time"), s"${options.text("window-duration")} milliseconds", s"${options.text("batch-duration")} milliseconds")
    gathered(pairs.withWatermark("time", "0 seconds").groupBy(moving.as("window"), col("key")), options)
      .select(col("window.end"), col("key"), col("gathered"))
  }

  protected def gathered(pairs: org.apache.spark.sql.RelationalGroupedDataset, options: Options): DataFrame

  override protected def check(options: Options, perBatch: Long, found: Map[Long, Map[Long, Summary]]): Unit = {
    val step = options.long("batch-duration")
    val given = found.toSeq.sortBy(_._1).flatMap(_._2.toSeq.sortBy(_._1))
    if (given.map(_._1) != given.indices.map(index => (index + 1) * step))
      throw new WrongResult(s"windows ended at ${given.map(_._1).mkString(", ")} ms: not each once, every $step ms")
    val width = options.int("window-duration") / options.int("batch-duration")
    Expected.check(
      new ExpectedWindow(Records.of(options), width), given.map { case (_, summary) => (sent(options, perBatch), summary) })
    if (given.isEmpty) throw new WrongResult("no window was given")
  }
}

/** structured-group-by-key-and-window: each key's values in the window. */
object StructuredGroupByKeyAndWindow extends StructuredWindowTest("structured-group-by-key-and-window") {
  override protected def gathered(pairs: org.apache.spark.sql.RelationalGroupedDataset, options: Options): DataFrame =
    pairs.agg(collect_list("value").as("gathered"))

  override protected def part(options: Options): Row => (Long, Summary) =
    row => (row.getTimestamp(0).getTime, Summary.ofValues(row.getString(1), row.getSeq[String](2)))
}

/** structured-reduce-by-key-and-window: each key's values in the window, joined to one text. */
object StructuredReduceByKeyAndWindow extends StructuredWindowTest("structured-reduce-by-key-and-window") {
  override protected def gathered(pairs: org.apache.spark.sql.RelationalGroupedDataset, options: Options): DataFrame =
    pairs.agg(udaf(Joined).apply(col("value")).as("gathered"))

  override protected def part(options: Options): Row => (Long, Summary) = {
    val width = Records.of(options).valueWidth
    row => (row.getTimestamp(0).getTime, Summary.ofJoined(row.getString(1), row.getString(2), width))
  }
}

/** Texts joined to one. */
object Joined extends Aggregator[String, String, String] {
  override def zero: String = ""
  override def reduce(joined: String, text: String): String = joined + text
  override def merge(one: String, other: String): String = one + other
  override def finish(joined: String): String = joined
  override def bufferEncoder: Encoder[String] = Encoders.STRING
  override def outputEncoder: Encoder[String] = Encoders.STRING
}

/** structured-hdfs-recovery: a running count of words over generated files. */
object StructuredHdfsRecovery extends RecoveryTest("structured-hdfs-recovery") {
  override protected def count(
      context: SparkContext, options: Options, place: Place, files: WordFiles, milliseconds: Long, needed: Int): Counted = {
    val start = System.nanoTime()
    val session = Progress.session(context, context.defaultParallelism) // as many as DStreams shuffle to
    import session.implicits._
    var words = Map.empty[String, Long]
    var first: Option[Double] = None
    val take: (DataFrame, Long) => Unit = (batch, _) => {
      val collected = batch.as[(String, Long)].collect().toMap
      words = collected
      if (first.isEmpty) first = Some(seconds(start))
    }
    val asked = session.readStream
      .text(files.path.toString)
      .as[String]
      .flatMap(_.split(" "))
      .groupBy("value")
      .count()
      .writeStream
      .outputMode(OutputMode.Complete())
      .trigger(Trigger.ProcessingTime(options.long("batch-duration")))
      .option("checkpointLocation", place.path("checkpoint").toString)
      .foreachBatch(take)
      .start()
    Progress.let(asked, milliseconds, needed)
    Counted(Progress.batches(asked).map(Progress.numbers), words, first)
  }
}
