package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.clustering.{GaussianMixture, GaussianMixtureModel}
import org.apache.spark.mllib.linalg.{Vector, Vectors}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** gmm: points of several normal distributions, each with a random centre and a random linear map. */
object GaussianMixtureTest extends MllibTest[RDD[Vector], GaussianMixtureModel]("gmm") {
  override def own: Set[String] = Set("num-examples", "num-features", "num-centers", "num-iterations")

  override def generate(context: SparkContext, options: Options, seed: Long): RDD[Vector] = {
    val (features, centres) = (options.int("num-features"), options.int("num-centers"))
    val random = new Random(seed)
    val middles = Array.fill(centres)(Array.fill(features)(random.nextGaussian()))
    val maps = Array.fill(centres)(Array.fill(features, features)(random.nextGaussian()))
    val data = Drawn
      .rows(context, options.long("num-examples"), options.int("num-partitions"), seed) { random =>
        val centre = random.nextInt(centres)
        val normal = Array.fill(features)(random.nextGaussian())
        Vectors.dense(Array.tabulate(features) { row =>
          middles(centre)(row) + normal.indices.map(column => maps(centre)(row)(column) * normal(column)).sum
        })
      }
      .cache()
    data.count()
    data
  }

  override def timed(context: SparkContext, options: Options, input: RDD[Vector]): GaussianMixtureModel =
    new GaussianMixture().setK(options.int("num-centers")).setMaxIterations(options.int("num-iterations")).run(input)

  /** The weights add up to one, and so do the shares of each point. After any step of the algorithm, and not before the
    * first, the whole mixture has the data's mean and their mean square.
    */
  override def judge(
      context: SparkContext, options: Options, input: RDD[Vector], result: GaussianMixtureModel,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    must(result.k == options.int("num-centers"), s"there are ${result.k} distributions")
    must(result.weights.forall(_ >= 0), "a weight is negative")
    same("the sum of the weights", result.weights.sum, 1.0)
    val distributions = result.weights.zip(result.gaussians)
    val rows = input.count().toDouble
    val size = options.int("num-features")
    val (sums, squares) = input.treeAggregate((new Array[Double](size), new Array[Double](size)))(
      { case ((sums, squares), point) =>
        for (column <- 0 until size) {
          sums(column) += point(column)
          squares(column) += point(column) * point(column)
        }
        (sums, squares)
      },
      { case ((sums, squares), (others, otherSquares)) =>
        for (column <- 0 until size) {
          sums(column) += others(column)
          squares(column) += otherSquares(column)
        }
        (sums, squares)
      })
    for (column <- 0 until size) {
      val scale = math.sqrt(squares(column) / rows)
      val mean = distributions.map { case (weight, one) => weight * one.mu(column) }.sum
      same(s"the mixture's mean of feature $column, in deviations,", mean / scale, sums(column) / rows / scale)
      val square = distributions.map { case (weight, one) =>
        weight * (one.sigma(column, column) + one.mu(column) * one.mu(column))
      }.sum
      same(s"the mixture's mean square of feature $column, in the data's,", square / (scale * scale), 1.0)
    }
    for (shares <- result.predictSoft(input).take(100)) same("the sum of a point's shares", shares.sum, 1.0)
    Seq("distributions" -> Int.box(result.k), "largest_weight" -> Double.box(result.weights.max))
  }
}
