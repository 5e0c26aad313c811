package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.linalg.{DenseMatrix, Vector, Vectors}
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.mllib.stat.Statistics
import org.apache.spark.mllib.stat.test.ChiSqTestResult
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** Pearson's chi-squared statistic of counts (one row a category of the one thing, one column of the other). It makes
  * nothing as large as the counts, which at full size fill much of the driver.
  */
object ChiSquared {
  val options: Set[String] = Set("num-rows", "num-cols")

  /** `counts` has column after column. */
  def independence(counts: Array[Double], rows: Int): Double = {
    val columns = counts.length / rows
    val (rowSums, columnSums) = (new Array[Double](rows), new Array[Double](columns))
    var index = 0
    while (index < counts.length) {
      rowSums(index % rows) += counts(index)
      columnSums(index / rows) += counts(index)
      index += 1
    }
    val total = rowSums.sum
    var statistic = 0.0
    index = 0
    while (index < counts.length) {
      val expected = rowSums(index % rows) * columnSums(index / rows) / total
      statistic += (counts(index) - expected) * (counts(index) - expected) / expected
      index += 1
    }
    statistic
  }

  /** Whether counts that should all be the same are. */
  def evenness(counts: Array[Double]): Double = {
    val expected = counts.sum / counts.length
    var (statistic, index) = (0.0, 0)
    while (index < counts.length) {
      statistic += (counts(index) - expected) * (counts(index) - expected) / expected
      index += 1
    }
    statistic
  }
}

/** chi-sq-feature: is each of the features, dice with six sides, independent of a label that is 0 or 1? */
object ChiSqFeatureTest extends MllibTest[RDD[LabeledPoint], Array[ChiSqTestResult]]("chi-sq-feature") {
  override def own: Set[String] = ChiSquared.options

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[LabeledPoint] = {
    val columns = options.int("num-cols")
    val data = Drawn
      .rows(context, options.long("num-rows"), options.int("num-partitions"), seed) { random =>
        val label = if (random.nextDouble() < 0.5) 0.0 else 1.0
        LabeledPoint(label, Vectors.dense(Array.fill(columns)(random.nextInt(6).toDouble)))
      }
      .cache()
    data.count()
    data
  }

  override def timed(context: SparkContext, options: Options, input: RDD[LabeledPoint]): Array[ChiSqTestResult] =
    Statistics.chiSqTest(input)

  /** One result a feature; the first and the last have the statistic that a plain count gives. */
  override def judge(
      context: SparkContext, options: Options, input: RDD[LabeledPoint], result: Array[ChiSqTestResult],
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val columns = options.int("num-cols")
    must(result.length == columns, s"there are ${result.length} results for $columns features")
    must(result.forall(one => one.pValue >= 0 && one.pValue <= 1), "a p value is not from 0 to 1")
    for (column <- Seq(0, columns - 1)) {
      val counts = input.map(point => (point.features(column), point.label)).countByValue()
      val (sides, labels) = (counts.keys.map(_._1).toSeq.distinct, counts.keys.map(_._2).toSeq.distinct)
      val table = for (label <- labels; side <- sides) yield counts.getOrElse((side, label), 0L).toDouble
      val plain = ChiSquared.independence(table.toArray, sides.size)
      same(s"the statistic of feature $column", result(column).statistic, plain)
    }
    Seq("features" -> Int.box(columns), "statistic" -> Double.box(result.head.statistic))
  }
}

/** chi-sq-gof: is one long vector of uniform numbers uniform? It is computed on the driver alone. */
object ChiSqGofTest extends MllibTest[Vector, ChiSqTestResult]("chi-sq-gof") {
  override def own: Set[String] = ChiSquared.options

  override def generate(context: SparkContext, options: Options, seed: Long): Vector = {
    val random = new Random(seed)
    Vectors.dense(Array.fill(options.int("num-rows"))(random.nextDouble()))
  }

  override def timed(context: SparkContext, options: Options, input: Vector): ChiSqTestResult = Statistics.chiSqTest(input)

  override def judge(
      context: SparkContext, options: Options, input: Vector, result: ChiSqTestResult,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val values = input.toArray // a dense vector's own
    same("the statistic", result.statistic, ChiSquared.evenness(values))
    must(result.degreesOfFreedom == values.length - 1, s"there are ${result.degreesOfFreedom} degrees of freedom")
    Seq("degrees" -> Int.box(result.degreesOfFreedom), "statistic" -> Double.box(result.statistic))
  }
}

/** chi-sq-mat: are the rows and columns of a square matrix of uniform numbers independent? On the driver alone. */
object ChiSqMatTest extends MllibTest[DenseMatrix, ChiSqTestResult]("chi-sq-mat") {
  override def own: Set[String] = ChiSquared.options

  override def generate(context: SparkContext, options: Options, seed: Long): DenseMatrix = {
    val (random, size) = (new Random(seed), options.int("num-rows"))
    new DenseMatrix(size, size, Array.fill(Math.multiplyExact(size, size))(random.nextDouble()))
  }

  override def timed(context: SparkContext, options: Options, input: DenseMatrix): ChiSqTestResult = Statistics.chiSqTest(input)

  override def judge(
      context: SparkContext, options: Options, input: DenseMatrix, result: ChiSqTestResult,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val size = options.int("num-rows")
    same("the statistic", result.statistic, ChiSquared.independence(input.values, size))
    must(result.degreesOfFreedom == (size - 1) * (size - 1), s"there are ${result.degreesOfFreedom} degrees of freedom")
    Seq("degrees" -> Int.box(result.degreesOfFreedom), "statistic" -> Double.box(result.statistic))
  }
}
