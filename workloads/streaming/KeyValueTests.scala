package sparkbed.streaming

import org.apache.spark.streaming.Milliseconds
import org.apache.spark.streaming.dstream.DStream
import sparkbed.{Options, Usage}

/** state-by-key: each key's running sum of its values. */
object StateByKey extends KeyValueTest("state-by-key") {
  override protected def summaries(pairs: DStream[(String, String)], options: Options): DStream[Summary] = {
    val sums = pairs
      .map { case (key, value) => (key, value.toLong) }
      .updateStateByKey[Long](
        (values: Seq[Long], before: Option[Long]) => Some(before.getOrElse(0L) + values.sum), options.int("reduce-tasks"))
      .persist(KeyValueTest.level(options))
    sums.map { case (key, sum) => Summary.ofSum(key, sum) }
  }

  override protected def expected(options: Options): Expected = new ExpectedSums(Records.of(options))
}

/** What the tests of windows share: the window moves on by a batch each time. */
abstract class WindowTest(name: String) extends KeyValueTest(name) {
  override def options: Set[String] = super.options + "window-duration"

  override def validate(options: Options): Unit = {
    super.validate(options)
    WindowTest.validate(options)
  }

  override protected def expected(options: Options): Expected =
    new ExpectedWindow(Records.of(options), options.int("window-duration") / options.int("batch-duration"))
}

object WindowTest {
  def validate(options: Options): Unit =
    if (options.int("window-duration") % options.int("batch-duration") != 0)
      throw new Usage(
        s"--window-duration=${options.text("window-duration")} is no multiple of " +
          s"--batch-duration=${options.text("batch-duration")}")
}

/** group-by-key-and-window: each key's values in the window. */
object GroupByKeyAndWindow extends WindowTest("group-by-key-and-window") {
  override protected def summaries(pairs: DStream[(String, String)], options: Options): DStream[Summary] =
    pairs
      .groupByKeyAndWindow(
        Milliseconds(options.long("window-duration")), Milliseconds(options.long("batch-duration")),
        options.int("reduce-tasks"))
      .persist(KeyValueTest.level(options))
      .map { case (key, values) => Summary.ofValues(key, values) }
}

/** reduce-by-key-and-window: each key's values in the window, joined to one text. */
object ReduceByKeyAndWindow extends WindowTest("reduce-by-key-and-window") {
  override protected def summaries(pairs: DStream[(String, String)], options: Options): DStream[Summary] = {
    val width = Records.of(options).valueWidth
    pairs
      .reduceByKeyAndWindow(
        (one: String, other: String) => one + other, Milliseconds(options.long("window-duration")),
        Milliseconds(options.long("batch-duration")), options.int("reduce-tasks"))
      .persist(KeyValueTest.level(options))
      .map { case (key, joined) => Summary.ofJoined(key, joined, width) }
  }
}
