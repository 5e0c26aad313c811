package sparkbed.mllib

import org.apache.spark.mllib.classification.NaiveBayes
import org.apache.spark.mllib.clustering.{
  GaussianMixtureModel, LDA, OnlineLDAOptimizer, PowerIterationClustering, PowerIterationClusteringModel}
import org.apache.spark.mllib.fpm.PrefixSpan.FreqSequence
import org.apache.spark.mllib.fpm.PrefixSpanModel
import org.apache.spark.mllib.linalg.{Matrices, Vectors}
import org.apache.spark.mllib.regression.LabeledPoint
import org.apache.spark.mllib.stat.distribution.MultivariateGaussian
import org.apache.spark.{SparkConf, SparkContext}
import sparkbed.{Options, WrongResult}

import scala.util.hashing.byteswap64

/** Hands models that were never trained to the checks of the MLlib tests, and prints `NAME: what the check says`. */
object Untrained {
  private val sample: (String, Double, String) => Unit = (_, _, _) => ()

  private def options(given: (String, Any)*): Options =
    new Options(given.map { case (name, value) => s"--$name=$value" }, given.map(_._1).toSet, Set.empty)

  private def told(name: String)(check: => Any): Unit =
    println(s"$name: ${try { check; "passed" } catch { case problem: WrongResult => problem.getMessage }}")

  def main(arguments: Array[String]): Unit = {
    val context = new SparkContext(new SparkConf().setAppName("untrained"))
    try {
      linear(context)
      clusters(context)
      topics(context)
      bayes(context)
      patterns(context)
    } finally context.stop()
  }

  private def linear(context: SparkContext): Unit = {
    val shape = Seq(
      "num-examples" -> 200, "num-features" -> 5, "num-partitions" -> 2, "intercept" -> 0.0, "label-noise" -> 0.1,
      "per-negative" -> 0.3, "feature-noise" -> 1.0, "elastic-net-param" -> 1.0,
      "optimizer" -> "sgd", "num-iterations" -> 5, "step-size" -> 0.1)
    val none = LinearModel(new Array[Double](5), 0.0)
    def asked(kind: String, loss: String, strength: Double) =
      options(shape ++ Seq("reg-type" -> kind, "loss" -> loss, "reg-param" -> strength): _*)
    def regression(kind: String, strength: Double): Unit = {
      val given = asked(kind, "l2", strength)
      val train = GlmRegression.generate(context, given, 5).train
      val constant = if (kind == "elastic-net") train.map(_.label).mean() else 0.0
      val model = none.copy(intercept = constant)
      GlmRegression.checkModel(given, model, train, GlmRegression.metric(given, model, train))
    }
    def classification(kind: String, loss: String, strength: Double): Unit = {
      val given = asked(kind, loss, strength)
      val train = GlmClassification.generate(context, given, 5).train
      val ones = train.map(_.label).mean()
      val model = none.copy(intercept = if (kind == "elastic-net") math.log(ones / (1 - ones)) else 0.0)
      GlmClassification.checkModel(given, model, train, 0.0)
    }
    told("regression l2")(regression("l2", 0.1))
    told("regression elastic-net")(regression("elastic-net", 0.01))
    told("regression outweighed")(regression("elastic-net", 100.0))
    told("regression outweighed by l1")(regression("l1", 100.0))
    told("classification logistic")(classification("l2", "logistic", 0.1))
    told("classification logistic that reg-param means nothing to")(classification("l1", "logistic", 100.0))
    told("classification logistic whatever reg-param is") {
      val ways = Seq(0.1, 100.0).map(asked("l2", "logistic", _))
      val Seq(one, other) = ways.map { given =>
        GlmClassification.timed(context, given, GlmClassification.generate(context, given, 5))
      }
      if (one.weights.toSeq != other.weights.toSeq) throw new WrongResult("reg-param has changed the weights")
      val train = GlmClassification.generate(context, ways.head, 5).train
      GlmClassification.checkModel(ways.head, one, train, 0.0)
    }
    told("classification hinge")(classification("l1", "hinge", 0.0001))
    told("classification elastic-net")(classification("elastic-net", "logistic", 0.01))
    told("classification outweighed")(classification("elastic-net", "logistic", 100.0))
  }

  private def clusters(context: SparkContext): Unit = {
    val mixed = options("num-examples" -> 200, "num-features" -> 3, "num-centers" -> 2, "num-partitions" -> 2)
    val points = GaussianMixtureTest.generate(context, mixed, 5)
    val some = points.take(2).map(new MultivariateGaussian(_, Matrices.diag(Vectors.dense(1.0, 1.0, 1.0))))
    told("gmm")(GaussianMixtureTest.judge(context, mixed, points, new GaussianMixtureModel(Array(0.5, 0.5), some), sample))

    val ring = options("num-examples" -> 500, "node-degree" -> 10, "num-centers" -> 4, "num-partitions" -> 2)
    val alike = PowerIterationTest.generate(context, ring, 5)
    val drawn = context.range(0L, 500L).map { point =>
      PowerIterationClustering.Assignment(point, Math.floorMod(byteswap64(point + 1), 4L).toInt)
    }
    told("pic")(PowerIterationTest.judge(context, ring, alike, new PowerIterationClusteringModel(4, drawn), sample))
  }

  /** Topics that stay what they were drawn as: by steps that are too short, or by none. */
  private def topics(context: SparkContext): Unit = {
    def given(optimizer: String) = options(
      "num-documents" -> 100, "num-vocab" -> 500, "num-topics" -> 4, "document-length" -> 50, "optimizer" -> optimizer,
      "num-iterations" -> 1, "num-partitions" -> 2, "random-seed" -> 5)
    val documents = LdaTest.generate(context, given("em"), 5)
    val still = new OnlineLDAOptimizer().setTau0(1e18).setKappa(1.0)
    val model = new LDA().setK(4).setMaxIterations(3).setSeed(5).setOptimizer(still).run(documents)
    told("lda online")(LdaTest.judge(context, given("online"), documents, model, sample))
    val drawn = new LDA().setK(4).setMaxIterations(0).setSeed(5).setOptimizer("em").run(documents)
    told("lda em")(LdaTest.judge(context, given("em"), documents, drawn, sample))
    // The very first step is seen.
    val begun = LdaTest.timed(context, given("em"), documents)
    told("lda em after a step")(LdaTest.judge(context, given("em"), documents, begun, sample))
  }

  /** Trained on the same labels, with the features in the wrong order. */
  private def bayes(context: SparkContext): Unit =
    for (kind <- Seq("multinomial", "bernoulli")) {
      val given = options(
        "num-examples" -> 200, "num-features" -> 5, "per-negative" -> 0.3, "feature-noise" -> 1.0, "nb-lambda" -> 1.0,
        "model-type" -> kind, "num-partitions" -> 2)
      val train = NaiveBayesTest.generate(context, given, 5).train
      val turned = train.map(point => LabeledPoint(point.label, Vectors.dense(point.features.toArray.reverse)))
      told(s"naive-bayes $kind")(NaiveBayesTest.checkModel(given, NaiveBayes.train(turned, 1.0, kind), train, 0.0))
    }

  private def patterns(context: SparkContext): Unit = {
    def given(support: Double) = options(
      "num-sequences" -> 200, "avg-sequence-size" -> 5, "avg-itemset-size" -> 2, "num-items" -> 200,
      "min-support" -> support, "max-pattern-len" -> 10, "max-local-proj-db-size" -> 32000000, "num-partitions" -> 2)
    val sequences = PrefixSpanTest.generate(context, given(0.5), 5)
    val nothing = new PrefixSpanModel(context.emptyRDD[FreqSequence[Int]])
    told("prefix-span that finds nothing")(PrefixSpanTest.judge(context, given(0.05), sequences, nothing, sample))
    told("prefix-span where nothing is")(PrefixSpanTest.judge(context, given(0.5), sequences, nothing, sample))
    val found = PrefixSpanTest.timed(context, given(0.05), sequences).freqSequences
    // One more of each that is longer than an item: a plain count of items does not see that.
    val wrong = found.map(one => new FreqSequence(one.sequence, one.freq + (if (one.sequence.flatten.length > 1) 1 else 0)))
    told("prefix-span with wrong counts")(
      PrefixSpanTest.judge(context, given(0.05), sequences, new PrefixSpanModel(wrong), sample))
  }
}
