package sparkbed

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD

/** What the aggregations are: the timed body adds values up by key and counts the keys. */
abstract class Aggregation[T](name: String) extends Application[RDD[(T, T)], Long](name) {
  override val options: Set[String] = KeyValueData.options
  override val flags: Set[String] = KeyValueData.flags
  override def validate(options: Options): Unit = KeyValueData.validate(options)

  /** The last iteration's sums; its shuffle files are read again when the results are checked. */
  private var last: Option[RDD[(T, Int)]] = None

  def aggregated(data: RDD[(T, T)], reduceTasks: Int): RDD[(T, Int)]

  override def body(context: SparkContext, options: Options, data: RDD[(T, T)]): Long = {
    val sums = aggregated(data, options.int("reduce-tasks"))
    last = Some(sums)
    sums.count()
  }

  override def check(
      context: SparkContext, options: Options, data: RDD[(T, T)], results: Seq[Long]): AnyRef = {
    val sum = last.get.map(_._2.toLong).fold(0L)(_ + _)
    KeyValueData.checkAggregation(results, sum, KeyValueData.totals(context, options))
  }
}

/** Aggregation of text records. */
abstract class TextAggregation(name: String) extends Aggregation[String](name) {
  override def validate(options: Options): Unit = {
    super.validate(options)
    if (options.flag("hash-records")) throw new Usage("--hash-records makes values that can't be added up")
  }

  override def prepare(context: SparkContext, options: Options): RDD[(String, String)] =
    KeyValueData.storedTexts(context, options, notes.put)
}

/** scala-agg-by-key: values of text records are made numbers and added up by key. */
object AggregateByKey extends TextAggregation("scala-agg-by-key") {
  override def aggregated(data: RDD[(String, String)], reduceTasks: Int): RDD[(String, Int)] =
    data.map { case (key, value) => (key, value.toInt) }.reduceByKey(_ + _, reduceTasks)
}

/** scala-agg-by-key-naive: values are gathered by key and then added up. As in spark-perf, Spark chooses the partitions. */
object AggregateByKeyNaive extends TextAggregation("scala-agg-by-key-naive") {
  override def aggregated(data: RDD[(String, String)], reduceTasks: Int): RDD[(String, Int)] =
    data.map { case (key, value) => (key, value.toInt) }.groupByKey().map { case (key, values) => (key, values.sum) }
}

/** scala-agg-by-key-int: whole numbers are added up by key. */
object AggregateByKeyInt extends Aggregation[Int]("scala-agg-by-key-int") {
  override def prepare(context: SparkContext, options: Options): RDD[(Int, Int)] =
    KeyValueData.storedIntegers(context, options, notes.put)

  override def aggregated(data: RDD[(Int, Int)], reduceTasks: Int): RDD[(Int, Int)] =
    data.reduceByKey(_ + _, reduceTasks)
}
