package sparkbed.mllib

import java.util.Random

import org.apache.spark.SparkContext
import org.apache.spark.mllib.linalg.Vectors
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** Labelled rows with the distributions of spark-perf's generators. */
object LabelledData {
  /** Features uniform in [-1, 1); the label is their sum with weights uniform in [0, 1), an intercept, and noise. */
  def linear(context: SparkContext, options: Options, seed: Long): RDD[LabeledPoint] = {
    val features = options.int("num-features")
    val (intercept, noise) = (options.double("intercept"), options.double("label-noise"))
    val random = new Random(seed)
    val weights = Array.fill(features)(random.nextDouble())
    drawn(context, options, seed) { random =>
      val row = Array.fill(features)(2 * random.nextDouble() - 1)
      val sum = row.indices.map(index => row(index) * weights(index)).sum
      LabeledPoint(sum + intercept + noise * random.nextGaussian(), Vectors.dense(row))
    }
  }

  /** Labels 0 and 1; features of one are Gaussian around 0, and those of the other around feature-noise. */
  def classes(context: SparkContext, options: Options, seed: Long): RDD[LabeledPoint] = {
    val features = options.int("num-features")
    val (negative, shift) = (options.double("per-negative"), options.double("feature-noise"))
    drawn(context, options, seed) { random =>
      val label = if (random.nextDouble() < negative) 0.0 else 1.0
      LabeledPoint(label, Vectors.dense(Array.fill(features)(random.nextGaussian() + label * shift)))
    }
  }

  /** Labels and features 0 and 1. */
  def binary(context: SparkContext, options: Options, seed: Long): RDD[LabeledPoint] = {
    val features = options.int("num-features")
    val negative = options.double("per-negative")
    def bit(random: Random): Double = if (random.nextDouble() < negative) 0.0 else 1.0
    drawn(context, options, seed) { random =>
      LabeledPoint(bit(random), Vectors.dense(Array.fill(features)(bit(random))))
    }
  }

  private def drawn(context: SparkContext, options: Options, seed: Long)(draw: Random => LabeledPoint) =
    Drawn.rows(context, Split.rows(options.long("num-examples")), options.int("num-partitions"), seed)(draw)
}
