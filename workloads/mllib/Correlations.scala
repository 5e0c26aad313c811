package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.linalg.{Matrix, Vector}
import org.apache.spark.mllib.random.RandomRDDs
import org.apache.spark.mllib.stat.Statistics
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** Correlations of all columns of standard normal numbers with each other. */
abstract class CorrelationTest(name: String, method: String) extends MllibTest[RDD[Vector], Matrix](name) {
  override def own: Set[String] = Set("num-rows", "num-cols")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[Vector] = {
    val data = RandomRDDs
      .normalVectorRDD(context, options.long("num-rows"), options.int("num-cols"), options.int("num-partitions"), seed)
      .cache()
    data.count()
    data
  }

  override def timed(context: SparkContext, options: Options, input: RDD[Vector]): Matrix =
    Statistics.corr(input, method)

  /** What a column is correlated by: itself, or its ranks. */
  protected def levelled(column: Array[Double]): Array[Double]

  /** The matrix is symmetric with ones in its diagonal, and the last two columns' entry is what they give by themselves. */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Vector], result: Matrix,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val columns = options.int("num-cols")
    for (row <- 0 until columns) same(s"the correlation of column $row with itself", result(row, row), 1.0)
    for (row <- 0 until columns; column <- 0 until row)
      same(s"the correlation of columns $row and $column", result(row, column), result(column, row))
    val pair = input.map(row => (row(columns - 2), row(columns - 1))).collect()
    val expected = CorrelationTest.pearson(levelled(pair.map(_._1)), levelled(pair.map(_._2)))
    same("the last two columns' correlation", result(columns - 2, columns - 1), expected)
    Seq("columns" -> Int.box(columns), "last" -> Double.box(expected))
  }
}

object CorrelationTest {
  def pearson(one: Array[Double], other: Array[Double]): Double = {
    val (oneMean, otherMean) = (one.sum / one.length, other.sum / other.length)
    val (a, b) = (one.map(_ - oneMean), other.map(_ - otherMean))
    def product(x: Array[Double], y: Array[Double]): Double = x.indices.map(index => x(index) * y(index)).sum
    product(a, b) / math.sqrt(product(a, a) * product(b, b))
  }
}

/** pearson */
object PearsonTest extends CorrelationTest("pearson", "pearson") {
  override protected def levelled(column: Array[Double]): Array[Double] = column
}

/** spearman: correlations of ranks. Numbers drawn from a normal distribution are all different. */
object SpearmanTest extends CorrelationTest("spearman", "spearman") {
  override protected def levelled(column: Array[Double]): Array[Double] = {
    val ranks = new Array[Double](column.length)
    column.indices.sortBy(column(_)).zipWithIndex.foreach { case (index, rank) => ranks(index) = rank.toDouble }
    ranks
  }
}
