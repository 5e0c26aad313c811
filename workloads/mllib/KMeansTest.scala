package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.clustering.{KMeans, KMeansModel}
import org.apache.spark.mllib.linalg.{Vector, Vectors}
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** kmeans: points around random centres, unevenly many around each. */
object KMeansTest extends PredictionTest[Vector, KMeansModel]("kmeans") {
  override def own: Set[String] = Set("num-examples", "num-features", "num-centers", "num-iterations")

  override def generate(context: SparkContext, options: Options, seed: Long): Split[Vector] = {
    val (features, centres) = (options.int("num-features"), options.int("num-centers"))
    val random = new Random(seed)
    val widths = Array.fill(centres)(random.nextInt(20) - 10)
    val shares = Array.fill(centres)(random.nextDouble())
    val bounds = shares.scanLeft(0.0)(_ + _).tail.map(_ / shares.sum)
    val middles = widths.map(width => Array.fill(features)((2 * random.nextDouble() - 1) * width))
    val data = Drawn.rows(
      context, Split.rows(options.long("num-examples")), options.int("num-partitions"), seed) { random =>
      val drawn = random.nextDouble()
      val middle = middles(math.max(0, bounds.indexWhere(drawn <= _)))
      Vectors.dense(middle.map(_ + random.nextGaussian()))
    }
    Split.of(data, seed)
  }

  override def timed(context: SparkContext, options: Options, input: Split[Vector]): KMeansModel =
    KMeans.train(input.train, options.int("num-centers"), options.int("num-iterations"))

  override def unit(options: Options): String = "root of cost / n"

  override def metric(options: Options, model: KMeansModel, data: RDD[Vector]): Double =
    math.sqrt(model.computeCost(data) / data.count())

  /** A plain pass finds the same cost, which is not larger than around the mean of all. */
  override def checkModel(
      options: Options, model: KMeansModel, train: RDD[Vector], trainingMetric: Double): Unit = {
    val centres = model.clusterCenters.map(_.toArray)
    must(centres.length <= options.int("num-centers"), s"there are ${centres.length} centres")
    val plain = train.map(point => centres.map(centre => KMeansTest.squared(point.toArray, centre)).min).mean()
    same("the cost", trainingMetric, math.sqrt(plain))
    val rows = train.count().toDouble
    val mean = train.map(_.toArray).reduce((one, other) => one.indices.map(i => one(i) + other(i)).toArray).map(_ / rows)
    val around = math.sqrt(train.map(point => KMeansTest.squared(point.toArray, mean)).mean())
    must(trainingMetric <= around * (1 + 1e-9), s"the cost ($trainingMetric) is larger than around one centre ($around)")
  }

  def squared(one: Array[Double], other: Array[Double]): Double = {
    var (sum, index) = (0.0, 0)
    while (index < one.length) {
      val difference = one(index) - other(index)
      sum += difference * difference
      index += 1
    }
    sum
  }
}
