package sparkbed

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.storage.StorageLevel

/** A point and the class that it belongs to, 1 or -1. */
case class Labelled(features: Array[Double], label: Double)

/** What one pass over the points adds up: the gradient, the loss, and how many points there were. */
class Pass(size: Int) extends Serializable {
  val gradient = new Array[Double](size)
  var loss = 0.0
  var points = 0L

  def add(point: Labelled, weights: Array[Double]): Pass = {
    var product = 0.0
    var index = 0
    while (index < size) {
      product += weights(index) * point.features(index)
      index += 1
    }
    val margin = point.label * product
    val share = -point.label / (1 + math.exp(margin))
    index = 0
    while (index < size) {
      gradient(index) += share * point.features(index)
      index += 1
    }
    // log(1 + exp(-margin)), without overflow where the margin is far below 0
    loss += (if (margin > 0) math.log1p(math.exp(-margin)) else math.log1p(math.exp(margin)) - margin)
    points += 1
    this
  }

  def merge(other: Pass): Pass = {
    for (index <- gradient.indices) gradient(index) += other.gradient(index)
    loss += other.loss
    points += other.points
    this
  }
}

/** What a descent found: its weights, and the mean loss before each step. */
case class Descent(weights: Array[Double], losses: Seq[Double], points: Seq[Long])

/** logistic-regression: gradient descent, one job a step, over points that Spark keeps in memory or on disks. */
object LogisticRegression extends Application[RDD[Labelled], Descent]("logistic-regression") {
  override val options: Set[String] =
    Set("num-points", "num-dimensions", "num-iterations", "num-partitions", "step-size", "persistent-type")

  /** How far a class's centre lies from 0, in every dimension, in standard deviations. */
  private val Distance = 0.7

  private def level(options: Options): StorageLevel = options.text("persistent-type") match {
    case "memory" => StorageLevel.MEMORY_ONLY
    case "disk" => StorageLevel.DISK_ONLY
    case other => throw new Usage(s"--persistent-type=$other: there are memory and disk")
  }

  override def validate(options: Options): Unit = level(options)

  /** The points of one partition: numbers `first` to `end` - 1, the even ones of class 1. */
  private def points(first: Long, end: Long, size: Int, random: Random): Iterator[Labelled] =
    Iterator.iterate(first)(_ + 1).takeWhile(_ < end).map { number =>
      val label = if (number % 2 == 0) 1.0 else -1.0
      Labelled(Array.fill(size)(random.nextGaussian() + label * Distance), label)
    }

  override def prepare(context: SparkContext, options: Options): RDD[Labelled] = {
    val (count, size, seed) = (options.long("num-points"), options.int("num-dimensions"), options.int("random-seed"))
    val partitions = options.int("num-partitions")
    def bound(index: Int): Long = (BigInt(count) * index / partitions).toLong
    val bounds = (0 to partitions).map(bound).toArray
    val data = context
      .makeRDD(0 until partitions, partitions)
      .mapPartitionsWithIndex { (index, _) =>
        points(bounds(index), bounds(index + 1), size, new Random((seed ^ index).toString.hashCode))
      }
      .persist(level(options))
    data.count()
    data
  }

  private def pass(data: RDD[Labelled], weights: Array[Double]): Pass =
    data.treeAggregate(new Pass(weights.length))((sum, point) => sum.add(point, weights), (one, other) => one.merge(other))

  override def body(context: SparkContext, options: Options, data: RDD[Labelled]): Descent = {
    var weights = new Array[Double](options.int("num-dimensions"))
    val step = options.double("step-size")
    val passes = (1 to options.int("num-iterations")).map { _ =>
      val found = pass(data, weights)
      weights = weights.zip(found.gradient).map { case (weight, slope) => weight - step * slope / found.points }
      found
    }
    Descent(weights, passes.map(found => found.loss / found.points), passes.map(_.points))
  }

  override def check(
      context: SparkContext, options: Options, data: RDD[Labelled], results: Seq[Descent]): AnyRef = {
    val expected = options.long("num-points")
    for ((result, iteration) <- results.zipWithIndex) {
      for ((points, step) <- result.points.zipWithIndex if points != expected)
        throw new WrongResult(s"iteration ${iteration + 1}, step ${step + 1} saw $points of $expected points")
      for ((weight, other) <- result.weights.zip(results.head.weights))
        if (!(math.abs(weight - other) <= 1e-9 * math.max(1.0, math.abs(other))))
          throw new WrongResult(s"iteration ${iteration + 1} found the weight $weight where the first one found $other")
    }
    val weights = results.last.weights
    val end = pass(data, weights)
    val loss = end.loss / end.points
    if (!(loss < results.last.losses.head))
      throw new WrongResult(
        s"the loss went from ${results.last.losses.head} to $loss: it must fall; is step-size too large?")
    SamplesFile.mapping(
      "points" -> Long.box(expected), "first_loss" -> Double.box(results.last.losses.head), "loss" -> Double.box(loss),
      "weights" -> weights.take(10))
  }
}
