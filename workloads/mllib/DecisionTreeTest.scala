package sparkbed.mllib

import org.apache.spark.SparkContext
import org.apache.spark.ml.PredictionModel
import org.apache.spark.ml.classification.{GBTClassifier, RandomForestClassifier}
import org.apache.spark.ml.linalg.{Vector => MLVector}
import org.apache.spark.ml.regression.{GBTRegressor, RandomForestRegressor}
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.mllib.tree.{GradientBoostedTrees, RandomForest}
import org.apache.spark.mllib.tree.configuration.{Algo, BoostingStrategy, QuantileStrategy, Strategy}
import org.apache.spark.mllib.tree.impurity.Variance
import org.apache.spark.mllib.tree.loss.{LogLoss, SquaredError}
import org.apache.spark.rdd.RDD
import sparkbed.{Options, Usage}

/** Pairs of prediction and truth for rows: what all kinds of ensembles have in common. */
trait Predictor { def pairs(data: RDD[LabeledPoint]): RDD[(Double, Double)] }

/** decision-tree: forests and boosted trees by spark.mllib or spark.ml, over rows that a random tree has labelled. */
object DecisionTreeTest extends PredictionTest[LabeledPoint, Predictor]("decision-tree") {
  override def own: Set[String] = Set(
    "num-examples", "num-features", "label-type", "frac-categorical-features", "frac-binary-features", "tree-depth",
    "max-bins", "ensemble-type", "training-data", "test-data", "test-data-fraction", "num-trees",
    "feature-subset-strategy")

  private val Step = 0.1

  /** Of the data set of this repetition. */
  private var arities: Map[Int, Int] = Map.empty

  override def generate(context: SparkContext, options: Options, seed: Long): Split[LabeledPoint] = {
    val data = TreeData.generate(context, options, seed)
    arities = data.arities
    data.split
  }

  override def timed(context: SparkContext, options: Options, input: Split[LabeledPoint]): Predictor = {
    val (labels, trees, depth) = (options.int("label-type"), options.int("num-trees"), options.int("tree-depth"))
    val (bins, subset) = (options.int("max-bins"), options.text("feature-subset-strategy"))
    val (seed, train) = (options.int("random-seed"), input.train)
    (options.text("ensemble-type"), labels) match {
      case ("RandomForest", 0) =>
        val model = RandomForest.trainRegressor(train, arities, trees, subset, "variance", depth, bins, seed)
        predictor(data => model.predict(data.map(_.features)))
      case ("RandomForest", _) =>
        val model = RandomForest.trainClassifier(train, labels, arities, trees, subset, "gini", depth, bins, seed)
        predictor(data => model.predict(data.map(_.features)))
      case ("GradientBoostedTrees", _) =>
        val algorithm = if (labels == 0) Algo.Regression else Algo.Classification
        // The trees of a boosted classifier are regression trees, so there is no number of classes to name.
        val strategy = new Strategy(Algo.Regression, Variance, depth, 0, bins, QuantileStrategy.Sort, arities)
        strategy.algo = algorithm
        if (labels != 0) strategy.numClasses = labels
        val loss = if (labels == 0) SquaredError else LogLoss
        val model = GradientBoostedTrees.train(train, BoostingStrategy(strategy, loss, trees, Step))
        predictor(data => model.predict(data.map(_.features)))
      case ("ml.RandomForest", 0) =>
        framed(labels, new RandomForestRegressor()
          .setImpurity("variance").setMaxDepth(depth).setMaxBins(bins).setNumTrees(trees)
          .setFeatureSubsetStrategy(subset).setSeed(seed).fit(TreeData.frame(train, arities, labels)))
      case ("ml.RandomForest", _) =>
        framed(labels, new RandomForestClassifier()
          .setImpurity("gini").setMaxDepth(depth).setMaxBins(bins).setNumTrees(trees)
          .setFeatureSubsetStrategy(subset).setSeed(seed).fit(TreeData.frame(train, arities, labels)))
      case ("ml.GradientBoostedTrees", 0) =>
        framed(labels, new GBTRegressor()
          .setLossType("squared").setMaxDepth(depth).setMaxBins(bins).setMaxIter(trees).setStepSize(Step)
          .setSeed(seed).fit(TreeData.frame(train, arities, labels)))
      case ("ml.GradientBoostedTrees", _) =>
        framed(labels, new GBTClassifier()
          .setLossType("logistic").setMaxDepth(depth).setMaxBins(bins).setMaxIter(trees).setStepSize(Step)
          .setSeed(seed).fit(TreeData.frame(train, arities, labels)))
      case (other, _) => throw new Usage(s"--ensemble-type=$other is none that there is")
    }
  }

  private def predictor(predict: RDD[LabeledPoint] => RDD[Double]): Predictor = new Predictor {
    override def pairs(data: RDD[LabeledPoint]): RDD[(Double, Double)] = predict(data).zip(data.map(_.label))
  }

  private def framed[M <: PredictionModel[MLVector, M]](labels: Int, model: M): Predictor = {
    val known = arities
    new Predictor {
      override def pairs(data: RDD[LabeledPoint]): RDD[(Double, Double)] =
        model
          .transform(TreeData.frame(data, known, labels))
          .select("prediction", "label")
          .rdd
          .map(row => (row.getDouble(0), row.getDouble(1)))
    }
  }

  override def unit(options: Options): String = if (options.int("label-type") == 0) "RMSE" else "%"

  override def metric(options: Options, model: Predictor, data: RDD[LabeledPoint]): Double =
    if (options.int("label-type") == 0) Metrics.rmse(model.pairs(data)) else Metrics.accuracy(model.pairs(data))

  /** It is not worse on its own training set than a single value for all; a vote of few trees may be, by a little. */
  override def checkModel(
      options: Options, model: Predictor, train: RDD[LabeledPoint], trainingMetric: Double): Unit = {
    val without =
      if (options.int("label-type") == 0) train.map(_.label).stdev()
      else train.map(_.label).countByValue().values.max * 100.0 / train.count()
    val good = if (options.int("label-type") == 0) trainingMetric <= without * 1.05 else trainingMetric >= without - 5
    must(good, s"the model's $trainingMetric ${unit(options)} is worse than one value for all rows ($without)")
  }
}
