package sparkbed.streaming

import java.util.concurrent.ConcurrentHashMap

import org.apache.hadoop.fs.Path
import org.apache.hadoop.io.{LongWritable, Text}
import org.apache.hadoop.mapreduce.lib.input.TextInputFormat
import org.apache.spark.SparkContext
import org.apache.spark.streaming.{Milliseconds, StreamingContext, Time}
import sparkbed.{Failed, Options, SamplesFile}

/** What both tests of recovery share: words are counted over files that keep coming; half-way all that counts them is
  * ended in the middle of its work, and begins again from its checkpoint.
  */
abstract class RecoveryTest(name: String) extends StreamingProgram(name) {
  final override def options: Set[String] = WordFiles.options

  /** Count for `milliseconds`, and for `needed` batches, from the start, or from the checkpoint that an earlier call
    * left; the batches done, and the words' counts after the last of them.
    */
  protected def count(
      context: SparkContext, options: Options, place: Place, files: WordFiles, milliseconds: Long, needed: Int): Counted

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val place = Place.of(context, options.text("hdfs-url"))
    val files = new WordFiles(place, context.hadoopConfiguration, options)
    val half = options.int("total-duration") * 1000L / 2
    try {
      files.start()
      val needed = StreamingProgram.needed(options)
      val before = count(context, options, place, files, half, (needed + 1) / 2)
      val there = WordFiles.check(options, before.words)
      val after = count(context, options, place, files, half, math.max(2, needed - before.batches.size))
      files.stop()
      write(samples, before.batches ++ after.batches, options)
      after.first.foreach(samples.sample("recovery_seconds", _, "s"))
      val counted = WordFiles.check(options, after.words)
      if (counted <= there) throw new Failed(s"no file was counted after the recovery, and $there before it")
      SamplesFile.mapping(
        "verdict" -> "PASSED", "files" -> Int.box(counted), "files_before_recovery" -> Int.box(there),
        "words" -> Int.box(after.words.size))
    } finally
      try files.stop()
      finally place.close()
  }
}

/** What one half of a recovery test gave; `first` is how many seconds it took until a batch was done. */
case class Counted(batches: Seq[Batch], words: Map[String, Long], first: Option[Double])

/** hdfs-recovery: a running count of words over generated files, on DStreams. */
object HdfsRecovery extends RecoveryTest("hdfs-recovery") {
  @volatile private var counts = new ConcurrentHashMap[Time, Map[String, Long]]()

  override protected def count(
      context: SparkContext, options: Options, place: Place, files: WordFiles, milliseconds: Long, needed: Int): Counted = {
    val start = System.nanoTime()
    counts = new ConcurrentHashMap[Time, Map[String, Long]]()
    val checkpoint = place.path("checkpoint").toString
    val streams = StreamingContext.getOrCreate(
      checkpoint, () => create(context, options, checkpoint, files.path.toString), context.hadoopConfiguration)
    val done = new Completed
    streams.addStreamingListener(done)
    try {
      streams.start()
      StreamingProgram.let(milliseconds, done.batches.size >= needed)(streams.awaitTerminationOrTimeout)
    } finally streams.stop(stopSparkContext = false, stopGracefully = false)
    val batches = done.batches.takeWhile(batch => counts.containsKey(batch.batchTime))
    val words = batches.lastOption.fold(Map.empty[String, Long])(batch => counts.get(batch.batchTime))
    Counted(batches.map(batch => Completed.numbers(batch, batch.numRecords)), words, done.first(start))
  }

  private def create(context: SparkContext, options: Options, checkpoint: String, folder: String): StreamingContext = {
    val streams = new StreamingContext(context, Milliseconds(options.long("batch-duration")))
    streams.checkpoint(checkpoint)
    streams
      .fileStream[LongWritable, Text, TextInputFormat](
        folder, (path: Path) => !path.getName.startsWith("_"), newFilesOnly = false) // the first is there already
      .flatMap(_._2.toString.split(" "))
      .map(word => (word, 1L))
      .updateStateByKey[Long]((ones: Seq[Long], before: Option[Long]) => Some(before.getOrElse(0L) + ones.sum))
      .foreachRDD((batch, time) => HdfsRecovery.note(time, batch.collect().toMap))
    streams
  }

  private def note(time: Time, words: Map[String, Long]): Unit = counts.put(time, words)
}
