package sparkbed

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD

import scala.reflect.ClassTag

/** What both sorts are: the timed body sorts by key into reduce-tasks partitions and counts. */
abstract class SortByKey[T: Ordering: ClassTag](name: String) extends Application[RDD[(T, T)], Long](name) {
  override val options: Set[String] = KeyValueData.options
  override val flags: Set[String] = KeyValueData.flags
  override def validate(options: Options): Unit = KeyValueData.validate(options)

  /** The last iteration's records; its shuffle files are read again when the results are checked. */
  private var last: Option[RDD[(T, T)]] = None

  /** The input made anew, without what is stored. */
  def expected(context: SparkContext, options: Options): RDD[(T, T)]

  override def body(context: SparkContext, options: Options, data: RDD[(T, T)]): Long = {
    val sorted = data.sortByKey(numPartitions = options.int("reduce-tasks"))
    last = Some(sorted)
    sorted.count()
  }

  override def check(
      context: SparkContext, options: Options, data: RDD[(T, T)], results: Seq[Long]): AnyRef = {
    val records = KeyValueData.recordsPerPartition(options).toLong * options.int("num-partitions")
    KeyValueData.checkCounts(results, records, "records")
    Sortedness.check(last.get)
    val (sum, inputSum) = (KeyValueData.checksum(last.get), KeyValueData.checksum(expected(context, options)))
    if (sum != inputSum) throw new WrongResult(s"the sorted records are not the input's: checksum $sum, not $inputSum")
    SamplesFile.mapping("records" -> Long.box(records), "checksum" -> f"$sum%016x")
  }
}

object Sortedness {
  /** Throw WrongResult unless keys never fall, within partitions and from one to the next. */
  def check[T: ClassTag](data: RDD[(T, T)])(implicit order: Ordering[T]): Unit = {
    val ends = data
      .mapPartitionsWithIndex { (index, pairs) =>
        if (pairs.isEmpty) Iterator.empty
        else {
          val first = pairs.next()._1
          var (previous, falls) = (first, 0L)
          pairs.foreach { case (key, _) =>
            if (order.lt(key, previous)) falls += 1
            previous = key
          }
          Iterator.single((index, first, previous, falls))
        }
      }
      .collect()
    for ((index, _, _, falls) <- ends if falls > 0)
      throw new WrongResult(s"partition $index is not sorted: the key falls $falls times")
    for (((index, _, end, _), (next, begin, _, _)) <- ends.zip(ends.drop(1)) if order.gt(end, begin))
      throw new WrongResult(s"partition $index ends with $end, and partition $next begins with $begin")
  }
}

/** scala-sort-by-key: text records. */
object SortByKeyText extends SortByKey[String]("scala-sort-by-key") {
  override def prepare(context: SparkContext, options: Options): RDD[(String, String)] =
    KeyValueData.storedTexts(context, options, notes.put)
  override def expected(context: SparkContext, options: Options): RDD[(String, String)] =
    KeyValueData.texts(context, options)
}

/** scala-sort-by-key-int: whole numbers. */
object SortByKeyInt extends SortByKey[Int]("scala-sort-by-key-int") {
  override def prepare(context: SparkContext, options: Options): RDD[(Int, Int)] =
    KeyValueData.storedIntegers(context, options, notes.put)
  override def expected(context: SparkContext, options: Options): RDD[(Int, Int)] =
    KeyValueData.integers(context, options)
}
