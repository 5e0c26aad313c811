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

  /** How much is regularised. spark-perf gives the trainers of spark.mllib's logistic regression no reg-param: gradient
    * descent has that class's own default, and L-BFGS none.
    */
  def strength(options: Options): Double =
    if (options.text("reg-type") == "elastic-net" || options.text("loss") != "logistic") options.double("reg-param")
    else if (options.text("optimizer") == "sgd") 0.01
    else 0.0

  /** Stochastic gradient descent over all rows at each step, which does not stop sooner.
    *
    * Spark 3 hides its classes for these models (LinearRegressionWithSGD and the like); this is what they call. Like
    * them, it keeps rows in memory only where it makes new ones, with a column for the intercept.
    */
  def descend(options: Options, data: RDD[LabeledPoint], gradient: Gradient, intercept: Boolean): LinearModel = {
    val rows =
      if (intercept) data.map(point => (point.label, Vectors.dense(point.features.toArray :+ 1.0))).cache()
      else data.map(point => (point.label, point.features))
    val size = options.int("num-features") + (if (intercept) 1 else 0)
    val (found, _) = GradientDescent.runMiniBatchSGD(
      rows, gradient, updater(options.text("reg-type")), options.double("step-size"),
      options.int("num-iterations"), strength(options), 1.0, Vectors.zeros(size), 0.0)
    val weights = found.toArray
    if (intercept) LinearModel(weights.init, weights.last) else LinearModel(weights, 0.0)
  }

  /** Whether a model without a single weight is the best that there is, as l1 regularisation outweighs every feature.
    *
    * @param residual what such a model gets wrong of a label
    */
  def nothingIsBest(options: Options, data: RDD[LabeledPoint], residual: Double => Double): Boolean = {
    val net = options.text("reg-type") == "elastic-net"
    val l1 =
      if (net) strength(options) * options.double("elastic-net-param")
      else if (options.text("reg-type") == "l1") strength(options)
      else 0.0
    val size = options.int("num-features")
    lazy val Sums(rows, products, sums, squares) = data.treeAggregate(Sums(0, zeros(size), zeros(size), zeros(size)))(
      (all, point) => all.add(point.features.toArray, residual(point.label)), _ + _)
    // spark.ml divides features by their deviation first.
    def pull(column: Int): Double = {
      val mean = sums(column) / rows
      math.abs(products(column) / rows) / (if (net) math.sqrt(squares(column) / rows - mean * mean) else 1.0)
    }
    l1 > 0 && (0 until size).forall(pull(_) <= l1 * (1 + 1e-6))
  }

  private def zeros(size: Int): Array[Double] = new Array[Double](size)

  private case class Sums(rows: Long, products: Array[Double], sums: Array[Double], squares: Array[Double]) {
    def add(features: Array[Double], residual: Double): Sums = {
      for (column <- features.indices) {
        val value = features(column)
        products(column) += value * residual
        sums(column) += value
        squares(column) += value * value
      }
      copy(rows = rows + 1)
    }

    def +(other: Sums): Sums = {
      for (column <- products.indices) {
        products(column) += other.products(column)
        sums(column) += other.sums(column)
        squares(column) += other.squares(column)
      }
      copy(rows = rows + other.rows)
    }
  }

  /** Loss of a margin where the label is 0 or 1. */
  val logistic: (Double, Double) => Double = (margin, label) => {
    val wrong = if (label > 0) -margin else margin
    math.max(0.0, wrong) + math.log1p(math.exp(-math.abs(wrong)))
  }

  val hinge: (Double, Double) => Double = (margin, label) => math.max(0.0, 1 - (if (label > 0) margin else -margin))

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
        .setTol(0.0)
        .setSolver(options.text("optimizer"))
        .fit(LinearModels.frame(input.train))
      LinearModel(trained.coefficients.toArray, trained.intercept)
    } else LinearModels.descend(options, input.train, new LeastSquaresGradient, intercept = true)

  override def unit(options: Options): String = "RMSE"

  override def metric(options: Options, model: LinearModel, data: RDD[LabeledPoint]): Double =
    Metrics.rmse(data.map(point => (model.margin(point.features), point.label)))

  override def checkModel(
      options: Options, model: LinearModel, train: RDD[LabeledPoint], trainingMetric: Double): Unit = {
    // spark.ml's intercept alone predicts the mean.
    val constant = if (options.text("reg-type") == "elastic-net") train.map(_.label).mean() else 0.0
    val without = math.sqrt(train.map(point => (point.label - constant) * (point.label - constant)).mean())
    must(
      trainingMetric < without * (1 - 1e-9) ||
        (model.weights.forall(_ == 0) && LinearModels.nothingIsBest(options, train, _ - constant)),
      s"the model's error ($trainingMetric) is not below that of predicting $constant ($without): it has learnt nothing; " +
        "is step-size too large?")
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
          .setTol(0.0)
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

  /** Training makes a loss small, so it must be smaller than that of a model without a weight. */
  override def checkModel(
      options: Options, model: LinearModel, train: RDD[LabeledPoint], trainingMetric: Double): Unit = {
    val ones = train.map(_.label).mean()
    // spark.ml's intercept alone gives everyone the share of ones; without an intercept it is one half.
    val (constant, middle) =
      if (options.text("reg-type") == "elastic-net") (math.log(ones / (1 - ones)), ones) else (0.0, 0.5)
    val loss: (Double, Double) => Double =
      if (options.text("loss") == "hinge") LinearModels.hinge else LinearModels.logistic
    val found = train.map(point => loss(model.margin(point.features), point.label)).mean()
    val without = train.map(point => loss(constant, point.label)).mean()
    must(
      found < without * (1 - 1e-9) ||
        (model.weights.forall(_ == 0) && LinearModels.nothingIsBest(options, train, _ - middle)),
      s"the model's loss ($found) is not below that of a model without weights ($without): it has learnt nothing; " +
        "is step-size too large?")
  }
}
