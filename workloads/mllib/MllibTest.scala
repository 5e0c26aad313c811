package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.random.{RandomDataGenerator, RandomRDDs}
import org.apache.spark.rdd.RDD
import sparkbed.{Options, Program, SamplesFile, WrongResult}

import scala.reflect.ClassTag

/** What the MLlib tests share: as in spark-perf, every repetition has a fresh data set, made outside the time.
  *
  * The data sets' seeds are the numbers that a generator seeded with random-seed gives.
  */
abstract class MllibTest[Input, Result](name: String) extends Program(name) {
  /** Options beside the common ones and num-partitions. */
  def own: Set[String]
  final override def options: Set[String] = own + "num-partitions"

  /** A fresh data set; what spark-perf keeps in memory is kept there. */
  def generate(context: SparkContext, options: Options, seed: Long): Input

  /** What is timed. */
  def timed(context: SparkContext, options: Options, input: Input): Result

  /** Throw WrongResult, or return what to record; `sample` takes further numbers of this repetition. */
  def judge(
      context: SparkContext, options: Options, input: Input, result: Result,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)]

  override protected def run(context: SparkContext, options: Options, samples: SamplesFile): AnyRef = {
    val seeds = new Random(options.long("random-seed"))
    val results = (1 to options.int("num-trials")).map { iteration =>
      restBefore(iteration, options)
      val begun = System.nanoTime()
      val input = generate(context, options, seeds.nextLong())
      samples.sample("generate_seconds", seconds(begun), "s", iteration)
      val start = begin()
      val result = timed(context, options, input)
      samples.sample("trial_seconds", seconds(start), "s", iteration)
      val judged =
        judge(context, options, input, result, (metric, value, unit) => samples.sample(metric, value, unit, iteration))
      context.getPersistentRDDs.values.foreach(_.unpersist(blocking = true))
      System.gc()
      judged
    }
    SamplesFile.mapping(results.last: _*)
  }

  /** Throw WrongResult unless `holds`. */
  protected def must(holds: Boolean, otherwise: => String): Unit = if (!holds) throw new WrongResult(otherwise)

  /** Throw WrongResult unless two numbers are the same but for rounding. */
  protected def same(what: String, found: Double, expected: Double, tolerance: Double = 1e-6): Unit =
    must(
      found == expected || math.abs(found - expected) <= tolerance * math.max(1.0, math.abs(expected)),
      s"$what is $found, not $expected")
}

/** Data drawn row by row. */
object Drawn {
  def rows[T: ClassTag](context: SparkContext, count: Long, partitions: Int, seed: Long)(draw: Random => T): RDD[T] =
    RandomRDDs.randomRDD(context, new Drawn(draw), count, partitions, seed)
}

/** MLlib gives each partition a copy with a seed of its own. */
class Drawn[T](draw: Random => T) extends RandomDataGenerator[T] {
  private val random = new Random()
  override def nextValue(): T = draw(random)
  override def setSeed(seed: Long): Unit = random.setSeed(seed)
  override def copy(): Drawn[T] = new Drawn(draw)
}

/** A training set in memory, and a test set. */
case class Split[Point](train: RDD[Point], test: RDD[Point])

object Split {
  /** How many rows there must be so that four fifths are `examples`. */
  def rows(examples: Long): Long = math.ceil(examples * 1.25).toLong

  def of[Point](data: RDD[Point], seed: Long): Split[Point] = {
    val Array(train, test) = data.randomSplit(Array(0.8, 0.2), seed)
    train.cache().count()
    Split(train, test)
  }
}

/** Tests that train a model and predict with it. Training is timed as trial_seconds, and evaluating it on the training
  * set as test_seconds, which is what spark-perf calls test time; its two metrics are beside them.
  */
abstract class PredictionTest[Point, Model](name: String) extends MllibTest[Split[Point], Model](name) {
  /** How good the predictions for `data` are. */
  def metric(options: Options, model: Model, data: RDD[Point]): Double

  /** The unit of `metric`. */
  def unit(options: Options): String

  /** Throw WrongResult unless the model is what it must be. */
  def checkModel(options: Options, model: Model, train: RDD[Point], trainingMetric: Double): Unit

  override def judge(
      context: SparkContext, options: Options, input: Split[Point], model: Model,
      sample: (String, Double, String) => Unit): Seq[(String, AnyRef)] = {
    val start = System.nanoTime()
    val trainingMetric = metric(options, model, input.train)
    sample("test_seconds", seconds(start), "s")
    val testMetric = metric(options, model, input.test)
    for ((name, value) <- Seq("training_metric" -> trainingMetric, "test_metric" -> testMetric)) {
      must(!value.isNaN && !value.isInfinite, s"$name is $value")
      sample(name, value, unit(options))
    }
    checkModel(options, model, input.train, trainingMetric)
    Seq("examples" -> Long.box(input.train.count()), "training_metric" -> Double.box(trainingMetric))
  }
}

/** How good predictions are, from pairs of prediction and truth. */
object Metrics {
  /** Per cent that are right. */
  def accuracy(pairs: RDD[(Double, Double)]): Double =
    pairs.map { case (predicted, label) => if (predicted == label) 100.0 else 0.0 }.mean()

  /** The root of the mean squared error. */
  def rmse(pairs: RDD[(Double, Double)]): Double =
    math.sqrt(pairs.map { case (predicted, label) => (predicted - label) * (predicted - label) }.mean())
}
