package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.linalg.{Matrix, SingularValueDecomposition, Vector}
import org.apache.spark.mllib.linalg.distributed.RowMatrix
import org.apache.spark.mllib.random.RandomRDDs
import org.apache.spark.mllib.stat.MultivariateStatisticalSummary
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** Tests over rows of standard normal numbers. As in spark-perf, the rows are not kept: they are made where they are used. */
abstract class RowMatrixTest[Result](name: String) extends MllibTest[RowMatrix, Result](name) {
  override def own: Set[String] = Set("num-rows", "num-cols", "rank")

  override def generate(context: SparkContext, options: Options, seed: Long): RowMatrix = {
    val (rows, columns) = (options.long("num-rows"), options.int("num-cols"))
    new RowMatrix(
      RandomRDDs.normalVectorRDD(context, rows, columns, options.int("num-partitions"), seed), rows, columns)
  }

  /** Throw WrongResult unless the columns have length 1 and stand at right angles. */
  protected def orthonormal(what: String, matrix: Matrix): Unit = {
    val columns = matrix.colIter.map(_.toArray).toArray
    for (one <- columns.indices; other <- 0 to one) {
      val product = columns(one).indices.map(row => columns(one)(row) * columns(other)(row)).sum
      same(s"the product of columns $other and $one of $what", product, if (one == other) 1.0 else 0.0)
    }
  }

  /** The sums of squares of the rows' products with each column. */
  protected def squaredProducts(rows: RDD[Vector], columns: Array[Array[Double]]): Array[Double] =
    rows
      .map { row =>
        val values = row.toArray
        columns.map { column =>
          val product = values.indices.map(index => values(index) * column(index)).sum
          product * product
        }
      }
      .reduce((one, other) => one.indices.map(index => one(index) + other(index)).toArray)

  protected def falling(what: String, values: Seq[Double]): Unit =
    must(values.zip(values.drop(1)).forall { case (one, next) => one >= next }, s"$what rise: $values")
}

/** svd: the largest singular values, with both sides' vectors. */
object SvdTest extends RowMatrixTest[SingularValueDecomposition[RowMatrix, Matrix]]("svd") {
  override def timed(
      context: SparkContext, options: Options, input: RowMatrix): SingularValueDecomposition[RowMatrix, Matrix] =
    input.computeSVD(options.int("rank"), computeU = true)

  /** The vectors are orthonormal, and the matrix takes each to one as long as its singular value says. */
  override def judge(
      context: SparkContext, options: Options, input: RowMatrix, result: SingularValueDecomposition[RowMatrix, Matrix],
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val values = result.s.toArray
    must(values.length == math.min(options.int("rank"), options.int("num-cols")), s"${values.length} singular values")
    falling("singular values", values)
    orthonormal("V", result.V)
    val lengths = squaredProducts(input.rows, result.V.colIter.map(_.toArray).toArray).map(math.sqrt)
    for ((found, expected) <- values.zip(lengths)) same("a singular value", found, expected)
    Seq("singular_values" -> Int.box(values.length), "largest" -> Double.box(values.head))
  }
}

/** pca: the principal components, and the rows seen in them. */
object PcaTest extends RowMatrixTest[Matrix]("pca") {
  override def timed(context: SparkContext, options: Options, input: RowMatrix): Matrix = {
    val components = input.computePrincipalComponents(options.int("rank"))
    input.multiply(components)
    components
  }

  /** The components are orthonormal, and the variance along them falls. */
  override def judge(
      context: SparkContext, options: Options, input: RowMatrix, result: Matrix,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    must(result.numCols == options.int("rank"), s"there are ${result.numCols} components")
    orthonormal("the components", result)
    val columns = result.colIter.map(_.toArray).toArray
    val rows = options.long("num-rows")
    val totals = input.rows.map(_.toArray).reduce((one, other) => one.indices.map(i => one(i) + other(i)).toArray)
    val means = columns.map(column => column.indices.map(index => column(index) * totals(index) / rows).sum)
    val squares = squaredProducts(input.rows, columns)
    val variances = squares.zip(means).map { case (square, mean) => square / rows - mean * mean }
    falling("variances along the components", variances.map(_ * (1 + 1e-9)).toSeq)
    Seq("components" -> Int.box(result.numCols), "largest_variance" -> Double.box(variances.head))
  }
}

/** summary-statistics: mean, variance and the like of every column. */
object SummaryStatisticsTest extends RowMatrixTest[MultivariateStatisticalSummary]("summary-statistics") {
  override def timed(
      context: SparkContext, options: Options, input: RowMatrix): MultivariateStatisticalSummary =
    input.computeColumnSummaryStatistics()

  /** A plain pass over the first and the last column finds the same. */
  override def judge(
      context: SparkContext, options: Options, input: RowMatrix, result: MultivariateStatisticalSummary,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    must(result.count == options.long("num-rows"), s"${result.count} rows were counted")
    for (column <- Seq(0, options.int("num-cols") - 1)) {
      val plain = input.rows.map(_(column)).stats()
      same(s"the mean of column $column", result.mean(column), plain.mean)
      same(s"the variance of column $column", result.variance(column), plain.sampleVariance)
      same(s"the largest of column $column", result.max(column), plain.max)
      same(s"the smallest of column $column", result.min(column), plain.min)
    }
    Seq("rows" -> Long.box(result.count), "first_mean" -> Double.box(result.mean(0)))
  }
}
