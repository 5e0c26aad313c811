package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.mllib.classification.{NaiveBayes, NaiveBayesModel}
import org.apache.spark.mllib.linalg.Vectors
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.rdd.RDD
import sparkbed.Options

/** naive-bayes: a multinomial model takes the sizes of Gaussian features, a Bernoulli model zeros and ones. */
object NaiveBayesTest extends PredictionTest[LabeledPoint, NaiveBayesModel]("naive-bayes") {
  override def own: Set[String] =
    Set("num-examples", "num-features", "per-negative", "feature-noise", "nb-lambda", "model-type")

  override def generate(context: SparkContext, options: Options, seed: Long): Split[LabeledPoint] = {
    val data =
      if (options.text("model-type") == "bernoulli") LabelledData.binary(context, options, seed)
      else
        LabelledData.classes(context, options, seed).map { point =>
          LabeledPoint(point.label, Vectors.dense(point.features.toArray.map(math.abs)))
        }
    Split.of(data, seed)
  }

  override def timed(context: SparkContext, options: Options, input: Split[LabeledPoint]): NaiveBayesModel =
    NaiveBayes.train(input.train, options.double("nb-lambda"), options.text("model-type"))

  override def unit(options: Options): String = "%"

  override def metric(options: Options, model: NaiveBayesModel, data: RDD[LabeledPoint]): Double =
    Metrics.accuracy(data.map(point => (model.predict(point.features), point.label)))

  /** The model's log probabilities of the labels are those of their smoothed counts, and those of the features those of
    * their smoothed sums.
    */
  override def checkModel(
      options: Options, model: NaiveBayesModel, train: RDD[LabeledPoint], trainingMetric: Double): Unit = {
    val counts = train.map(_.label).countByValue()
    val lambda = options.double("nb-lambda")
    val total = counts.values.sum + counts.size * lambda
    for ((label, found) <- model.labels.zip(model.pi))
      same(s"the log probability of label $label", found, math.log((counts(label) + lambda) / total))
    val features = options.int("num-features")
    val sums = train
      .map(point => (point.label, point.features))
      .aggregateByKey(new Array[Double](features))(
        (sums, row) => {
          for (column <- 0 until features) sums(column) += row(column)
          sums
        },
        (sums, others) => {
          for (column <- 0 until features) sums(column) += others(column)
          sums
        })
      .collectAsMap()
    for ((label, found) <- model.labels.zip(model.theta)) {
      // Of all features' sums, or of all rows, each with the smoothing of what may be there.
      val whole =
        if (options.text("model-type") == "bernoulli") counts(label) + 2 * lambda
        else sums(label).sum + features * lambda
      for (column <- 0 until features)
        same(
          s"the log probability of feature $column with label $label", found(column),
          math.log((sums(label)(column) + lambda) / whole))
    }
  }
}
