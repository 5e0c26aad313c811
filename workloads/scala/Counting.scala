package sparkbed

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD

/** What both counts are, over text records. */
abstract class Counting(name: String) extends Application[RDD[(String, String)], Long](name) {
  override val options: Set[String] = KeyValueData.options
  override val flags: Set[String] = KeyValueData.flags
  override def validate(options: Options): Unit = KeyValueData.validate(options)

  override def prepare(context: SparkContext, options: Options): RDD[(String, String)] =
    KeyValueData.storedTexts(context, options, notes.put)

  /** How many records must be counted, and what they are called. */
  def expected(totals: Totals): (Long, String)

  override def check(
      context: SparkContext, options: Options, data: RDD[(String, String)], results: Seq[Long]): AnyRef = {
    val totals = KeyValueData.totals(context, options)
    val (count, what) = expected(totals)
    KeyValueData.checkCounts(results, count, what)
    SamplesFile.mapping("records" -> Long.box(totals.records), "counted" -> Long.box(count))
  }
}

/** scala-count: all records. */
object Count extends Counting("scala-count") {
  override def body(context: SparkContext, options: Options, data: RDD[(String, String)]): Long = data.count()
  override def expected(totals: Totals): (Long, String) = (totals.records, "records")
}

/** scala-count-w-fltr: records whose key is odd. */
object CountWithFilter extends Counting("scala-count-w-fltr") {
  override def validate(options: Options): Unit = {
    super.validate(options)
    if (options.flag("hash-records")) throw new Usage("--hash-records makes keys that are not odd or even")
  }

  override def body(context: SparkContext, options: Options, data: RDD[(String, String)]): Long =
    data.filter { case (key, _) => key.toInt % 2 != 0 }.count()

  override def expected(totals: Totals): (Long, String) = (totals.oddKeys, "records with an odd key")
}
