package sparkbed.streaming

import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.SparkContext
import org.apache.spark.storage.StorageLevel
import org.apache.spark.streaming.dstream.DStream
import org.apache.spark.streaming.scheduler.{BatchInfo, StreamingListener, StreamingListenerBatchCompleted}
import org.apache.spark.streaming.{Milliseconds, StreamingContext, Time}
import sparkbed.{Failed, Options, Program, SamplesFile, Usage}

import scala.collection.mutable

/** What the streaming tests share: they run for a while, and each batch is a repetition. */
abstract class StreamingProgram(name: String) extends Program(name) {
  override protected def common: Set[String] =
    super.common -- Set("num-trials", "inter-trial-wait") ++
      Set("total-duration", "hdfs-url", "batch-duration", "ignored-batches")

  override def validate(options: Options): Unit =
    if (options.int("total-duration") * 1000L / options.int("batch-duration") <= options.int("ignored-batches"))
      throw new Usage(
        s"--total-duration=${options.text("total-duration")} s has no more than " +
          s"--ignored-batches=${options.text("ignored-batches")} of --batch-duration=${options.text("batch-duration")} ms")

  protected def write(samples: SamplesFile, batches: Seq[Batch], options: Options): Unit = {
    val ignored = options.int("ignored-batches")
    for ((batch, index) <- batches.zipWithIndex) {
      beganAt(batch.began)
      for ((metric, value, unit) <- batch.numbers) samples.sample(metric, value, unit, index + 1, kept = index >= ignored)
    }
    if (batches.size <= ignored)
      throw new Failed(
        s"${batches.size} batches were done, and the first $ignored do not count: is the cluster too small for so many " +
          "records?")
  }
}

object StreamingProgram {
  /** How long a test may go on for the batches that it needs: so many times as long, and so many milliseconds. */
  private val (times, atLeast) = (4, 60000L)

  /** How many batches have to be done for one of them to count. */
  def needed(options: Options): Int = options.int("ignored-batches") + 1

  /** Let batches come for so long, and then, on a machine too slow for that, until there are enough.
    *
    * @param wait waits for some milliseconds, and says whether the batches have ended
    */
  def let(milliseconds: Long, enough: => Boolean)(wait: Long => Boolean): Unit = {
    var ended = wait(milliseconds)
    val last = System.nanoTime() + math.max(times * milliseconds, atLeast) * 1000000L
    while (!ended && !enough && System.nanoTime() < last) ended = wait(100)
  }
}

/** A batch that was done: when what is timed of it began, in Unix seconds, and its numbers, as metric, value and unit. */
case class Batch(began: Double, numbers: Seq[(String, Double, String)])

/** A test on DStreams whose batches' results are checked one by one. */
abstract class KeyValueTest(name: String) extends StreamingProgram(name) {
  override def options: Set[String] = KeyValueTest.options

  /** The stream whose contents are each batch's result. */
  protected def summaries(pairs: DStream[(String, String)], options: Options): DStream[Summary]

  protected def expected(options: Options): Expected

  override def validate(options: Options): Unit = {
    super.validate(options)
    KeyValueTest.validate(options)
  }

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val place = Place.of(context, options.text("hdfs-url"))
    val streams = new StreamingContext(context, Milliseconds(options.long("batch-duration")))
    val done = new Completed
    val (pairs, inputs) = KeyValueTest.input(streams, options)
    val numbers = inputs.zipWithIndex.toMap
    val results = new ConcurrentHashMap[Time, Summary]()
    KeyValueTest.current = results
    try {
      streams.checkpoint(place.path("checkpoint").toString)
      streams.addStreamingListener(done)
      summaries(pairs, options).foreachRDD { (batch, time) =>
        val summary = batch.fold(Summary.Nothing)(_ + _)
        KeyValueTest.current.put(time, summary)
        ()
      }
      streams.start()
      StreamingProgram.let(
        options.int("total-duration") * 1000L, done.batches.size >= StreamingProgram.needed(options))(
        streams.awaitTerminationOrTimeout)
    } finally {
      streams.stop(stopSparkContext = false, stopGracefully = false)
      place.close()
    }
    val batches = done.batches.takeWhile(batch => results.containsKey(batch.batchTime))
    val counts = batches.map(batch => KeyValueTest.counts(batch, numbers))
    write(samples, batches.zip(counts).map { case (batch, count) => Completed.numbers(batch, count.map(_._2).sum) }, options)
    Expected.check(expected(options), counts.zip(batches.map(batch => results.get(batch.batchTime))))
    val last = results.get(batches.last.batchTime)
    SamplesFile.mapping(
      "batches" -> Int.box(batches.size), "records" -> Long.box(counts.flatten.map(_._2).sum),
      "keys" -> Long.box(last.keys), "checksum" -> Long.box(last.checksum))
  }
}

object KeyValueTest {
  val options: Set[String] = Set(
    "num-streams", "records-per-sec", "reduce-tasks", "memory-serialization", "unique-keys", "unique-values",
    "use-receiver")

  /** Where the batches of the test that runs put their results: they are serialised, and must not carry it along. */
  @volatile private[streaming] var current: ConcurrentHashMap[Time, Summary] = _

  def validate(options: Options): Unit =
    for (name <- Seq("memory-serialization", "use-receiver") if !Set("true", "false")(options.text(name)))
      throw new Usage(s"--$name=${options.text(name)}: it is true or false")

  def level(options: Options): StorageLevel =
    if (options.text("memory-serialization") == "true") StorageLevel.MEMORY_ONLY_SER else StorageLevel.MEMORY_ONLY

  /** The pairs of all streams, and the streams' ids at Spark, by their number here. */
  private def input(streams: StreamingContext, options: Options): (DStream[(String, String)], Seq[Int]) = {
    val (records, perSecond) = (Records.of(options), options.int("records-per-sec"))
    val count = options.int("num-streams")
    val made =
      if (options.text("use-receiver") == "true") {
        val cores = streams.sparkContext.defaultParallelism
        if (count >= cores)
          throw new Failed(s"$count receivers take $count of $cores cores, and leave none for the batches")
        (0 until count).map(stream => streams.receiverStream(new PairReceiver(records, stream, perSecond, level(options))))
      } else {
        val perBatch = (perSecond.toLong * options.int("batch-duration") / 1000).toInt
        val partitions = math.max(1, options.int("batch-duration") / 200) // as many as a receiver has blocks
        (0 until count).map(stream => new MadeStream(streams, records, stream, perBatch, partitions))
      }
    (streams.union(made), made.map(_.id))
  }

  /** How many records of each stream a batch had. */
  private def counts(batch: BatchInfo, numbers: Map[Int, Int]): Seq[(Int, Long)] =
    numbers.toSeq.sortBy(_._2).map { case (id, number) =>
      val received = batch.streamIdToInputInfo.get(id).map(_.numRecords)
      number -> received.getOrElse(MadeStream.counts.getOrDefault((batch.batchTime, id), 0L))
    }
}

/** The batches that are done, in their order. */
class Completed extends StreamingListener {
  private val seen = mutable.Buffer.empty[BatchInfo]
  private var firstDone: Option[Long] = None

  override def onBatchCompleted(event: StreamingListenerBatchCompleted): Unit = synchronized {
    firstDone = firstDone.orElse(Some(System.nanoTime()))
    seen += event.batchInfo
  }

  /** How many seconds after `start`, by System.nanoTime, the first was done. */
  def first(start: Long): Option[Double] = synchronized(firstDone.map(done => (done - start) / 1e9))

  def batches: Seq[BatchInfo] = synchronized(seen.toList)
}

object Completed {
  /** A batch's delays in seconds; the time is the processing delay, as in spark-perf. */
  def numbers(batch: BatchInfo, records: Long): Batch = {
    def delay(metric: String, milliseconds: Option[Long]) = milliseconds.map(value => (metric, value / 1e3, "s"))
    Batch(
      batch.processingStartTime.getOrElse(batch.submissionTime) / 1e3,
      delay("trial_seconds", batch.processingDelay).toSeq ++ delay("scheduling_delay_seconds", batch.schedulingDelay) ++
        delay("total_delay_seconds", batch.totalDelay) :+ (("records", records.toDouble, "records")))
  }
}
