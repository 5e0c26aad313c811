package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.ml.classification.LogisticRegression
import org.apache.spark.ml.regression.LinearRegression
import org.apache.spark.mllib.classification.LogisticRegressionWithLBFGS
import org.apache.spark.mllib.linalg.{Vector, Vectors}
import org.apache.spark.mllib.optimization.{
  Gradient, GradientDescent, HingeGradient, L1Updater, LeastSquaresGradient, LogisticGradient, SimpleUpdater,
  SquaredL2Updater, Updater}
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.{DataFrame, SparkSession}
import sparkbed.{Options, Usage}

/** Weights and an intercept; what they mean is the test's. */
case class LinearModel(weights: Array[Double], intercept: Double) {
  def margin(features: Vector): Double = {
    val row = features.toArray
    var sum = intercept
    var index = 0
    while (index < row.length) {
      sum += row(index) * weights(index)
      index += 1
    }
    sum
  }
}

/** Ways of training linear models that both tests use. */
object LinearModels {
  val options: Set[String] = Set(
    "num-examples", "feature-noise", "num-features", "num-iterations", "step-size", "reg-type", "reg-param",
    "elastic-net-param", "optimizer", "loss")

  def updater(regularisation: String): Updater = regularisation match {
    case "none" => new SimpleUpdater
    case "l1" => new L1Updater
    case "l2" => new SquaredL2Updater
    case other => throw new Usage(s"--reg-type=$other: there are none, l1, l2 and elastic-net")
  }

  /** Stochastic gradient descent over all rows at each step, which does not stop sooner.
    *
    * Spark 3 hides its classes for these models (LinearRegressionWithSGD and the like); this is what they call.
    */
  def descend(options: Options, data: RDD[LabeledPoint], gradient: Gradient, intercept: Boolean): LinearModel = {
    val rows = data.map { point =>
      val features = point.features.toArray
      (point.label, Vectors.dense(if (intercept) features :+ 1.0 else features))
    }
    val size = options.int("num-features") + (if (intercept) 1 else 0)
    val (found, _) = GradientDescent.runMiniBatchSGD(
      rows.cache(), gradient, updater(options.text("reg-type")), options.double("step-size"),
      options.int("num-iterations"), options.double("reg-param"), 1.0, Vectors.zeros(size), 0.0)
    val weights = found.toArray
    if (intercept) LinearModel(weights.init, weights.last) else LinearModel(weights, 0.0)
  }

  /** Rows as spark.ml takes them. */
  def frame(data: RDD[LabeledPoint]): DataFrame = {
    val session = SparkSession.builder().getOrCreate()
    session.createDataFrame(data.map(point => (point.label, point.features.asML))).toDF("label", "features")
  }
}

/** glm-regression: linear regression, by gradient descent, or by spark.ml for reg-type elastic-net. */
object GlmRegression extends PredictionTest[LabeledPoint, LinearModel]("glm-regression") {
  override def own: Set[String] = LinearModels.options ++ Set("intercept", "label-noise")

  override def generate(context: SparkContext, options: Options, seed: Long): Split[LabeledPoint] =
    Split.of(LabelledData.linear(context, options, seed), seed)

  override def timed(context: SparkContext, options: Options, input: Split[LabeledPoint]): LinearModel =
    if (options.text("reg-type") == "elastic-net") {
      val trained = new LinearRegression()
        .setElasticNetParam(options.double("elastic-net-param"))
        .setRegParam(options.double("reg-param"))
        .setMaxIter(options.int("num-iterations"))
        .setSolver(options.text("optimizer"))
        .fit(LinearModels.frame(input.train))
      LinearModel(trained.coefficients.toArray, trained.intercept)
    } else LinearModels.descend(options, input.train, new LeastSquaresGradient, intercept = true)

  override def unit(options: Options): String = "RMSE"

  override def metric(options: Options, model: LinearModel, data: RDD[LabeledPoint]): Double =
    Metrics.rmse(data.map(point => (model.margin(point.features), point.label)))

  override def checkModel(
      options: Options, model: LinearModel, train: RDD[LabeledPoint], trainingMetric: Double): Unit = {
    val without = math.sqrt(train.map(point => point.label * point.label).mean())
    must(
      trainingMetric <= without * (1 + 1e-9),
      s"the model's error ($trainingMetric) is larger than that of predicting 0 ($without); is step-size too large?")
  }
}

/** glm-classification: logistic regression or a support vector machine, or logistic regression by spark.ml. */
object GlmClassification extends PredictionTest[LabeledPoint, LinearModel]("glm-classification") {
  override def own: Set[String] = LinearModels.options + "per-negative"

  override def generate(context: SparkContext, options: Options, seed: Long): Split[LabeledPoint] =
    Split.of(LabelledData.classes(context, options, seed), seed)

  override def timed(context: SparkContext, options: Options, input: Split[LabeledPoint]): LinearModel =
    (options.text("reg-type"), options.text("loss"), options.text("optimizer")) match {
      case ("elastic-net", "logistic", _) =>
        val trained = new LogisticRegression()
          .setElasticNetParam(options.double("elastic-net-param"))
          .setRegParam(options.double("reg-param"))
          .setMaxIter(options.int("num-iterations"))
          .fit(LinearModels.frame(input.train))
        LinearModel(trained.coefficients.toArray, trained.intercept)
      case (_, "logistic", "sgd") => LinearModels.descend(options, input.train, new LogisticGradient, intercept = false)
      case (_, "hinge", "sgd") => LinearModels.descend(options, input.train, new HingeGradient, intercept = false)
      case (regularisation, "logistic", "l-bfgs") =>
        val trainer = new LogisticRegressionWithLBFGS()
        trainer.optimizer
          .setNumIterations(options.int("num-iterations"))
          .setConvergenceTol(0.0)
          .setUpdater(LinearModels.updater(regularisation))
        val trained = trainer.run(input.train)
        LinearModel(trained.weights.toArray, trained.intercept)
      case (regularisation, loss, optimizer) =>
        throw new Usage(s"--reg-type=$regularisation, --loss=$loss and --optimizer=$optimizer do not go together")
    }

  override def unit(options: Options): String = "%"

  override def metric(options: Options, model: LinearModel, data: RDD[LabeledPoint]): Double =
    Metrics.accuracy(data.map(point => (if (model.margin(point.features) > 0) 1.0 else 0.0, point.label)))

  override def checkModel(
      options: Options, model: LinearModel, train: RDD[LabeledPoint], trainingMetric: Double): Unit =
    must(
      trainingMetric >= 50 || model.weights.forall(_ == 0),
      s"the model is right for $trainingMetric % of its own training set: guessing would do better")
}
