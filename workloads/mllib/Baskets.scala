package sparkbed.mllib

import org.apache.commons.math3.distribution.BinomialDistribution
import org.apache.commons.math3.random.Well19937c
import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import sparkbed.Options

import scala.reflect.ClassTag

/** Sets of items: their sizes are binomial, of ten times the average at a tenth, and large items are likelier. */
class Baskets(seed: Long, items: Int) {
  private val random = new Well19937c(seed)
  private def sizes(average: Int) = new BinomialDistribution(random, 10 * average, 0.1)

  /** How large the next thing of this average size is. */
  def size(average: Int): Int = sizes(average).sample()

  def basket(average: Int): Array[Int] =
    Array.fill(size(average))((items * math.pow(random.nextDouble(), 0.1)).toInt).distinct.sorted
}

object Baskets {
  /** `count` things, in memory; those that `make` leaves empty are left out. */
  def rows[T <: AnyRef: ClassTag](context: SparkContext, options: Options, count: Long, seed: Long)(
      make: Baskets => Array[T], empty: Array[T] => Boolean = (one: Array[T]) => one.isEmpty): RDD[Array[T]] = {
    val items = options.int("num-items")
    val made = context
      .range(0L, count, 1L, options.int("num-partitions"))
      .mapPartitionsWithIndex { (index, numbers) =>
        val baskets = new Baskets(seed ^ index, items)
        numbers.map(_ => make(baskets)).filterNot(empty)
      }
      .cache()
    made.count()
    made
  }

  /** In how many of the rows, each with things that may stand there several times, everything occurs. */
  def occurrences(rows: RDD[Seq[Int]]): RDD[(Int, Long)] = rows.flatMap(_.distinct).map(_ -> 1L).reduceByKey(_ + _)
}
